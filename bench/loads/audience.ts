import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { eventId, isEvent } from '../lib/packets.js';
import { inParallel } from '../lib/pool.js';
import { packetFrame, RawClient } from '../lib/raw-client.js';
import { tokenFor } from '../lib/tokens.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** People who are told something, all at once, and acknowledge it when they are asked to. */

const AT_ONCE = 64;
const HEARTBEAT = packetFrame(CLIENT_NAMESPACE, 'event', undefined, ['heartbeat', { idleMs: 0 }]);

let size = 0;
let told = 0;
/** What they are told. */
let news: 'warning' | 'logoff' = 'warning';
let all: (lastAt: number) => void = () => undefined;
/** Acknowledgements by number: the same for all who are told the same. */
const acknowledgements = new Map<number, Buffer>();

function acknowledgement(id: number): Buffer {
  const known = acknowledgements.get(id) ?? packetFrame(CLIENT_NAMESPACE, 'ack', id, [{}]);
  acknowledgements.set(id, known);
  return known;
}

async function join(port: number, tenant: string, user: string): Promise<void> {
  const token = await tokenFor(tenant, user);
  let client: RawClient | undefined;
  client = await RawClient.open({
    port,
    namespace: CLIENT_NAMESPACE,
    auth: { token },
    onPacket: (bytes, from, to) => {
      if (isEvent(bytes, from, to, 'beat')) client?.write(HEARTBEAT);
      if (!isEvent(bytes, from, to, news)) return;
      told += 1;
      if (told === size) all(performance.timeOrigin + performance.now());
      const id = eventId(bytes, from, to);
      if (id !== undefined) client?.write(acknowledgement(id));
    },
  });
}

const methods = {
  /** Connects them, spread over the ports. */
  async join(options: { ports: readonly number[]; tenant: string; clients: number }): Promise<void> {
    const { ports, tenant, clients } = options;
    await inParallel(clients, AT_ONCE, (i) => join(ports[i % ports.length] as number, tenant, `person-${i}`));
    size = clients;
  },
  /** Begins to listen. */
  listen(to: { news: 'warning' | 'logoff' }): void {
    ({ news } = to);
    told = 0;
  },
  /** When the last of them was told, by the clock all processes share (epoch ms with fractions). */
  lastToldAt(): Promise<number> {
    if (told >= size) throw new Error('they were told before anybody asked');
    return new Promise((resolve) => {
      all = resolve;
    });
  },
  usage,
};

export type Audience = typeof methods;
serve(methods);
