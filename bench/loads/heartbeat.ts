import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { acceptedId, isEvent } from '../lib/packets.js';
import { packetFrame, RawClient } from '../lib/raw-client.js';
import { tokenFor } from '../lib/tokens.js';
import { type Usage, usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Clients that send heartbeats: each as soon as the last one is answered, or all together at a rate. */

/** Heartbeats of one client that may be on their way; a client that has more is not served any more. */
const IDS = 64;
const CONNECTING_AT_ONCE = 50;
const TICK_MS = 1;
/** Latencies kept at most, several times what a measurement brings. */
const MAX_LATENCIES = 2_000_000;

/** The same frames for all clients: made once, written a million times. */
const FRAMES = Array.from({ length: IDS }, (_, id) =>
  packetFrame(CLIENT_NAMESPACE, 'event', id, ['heartbeat', { n: 1, idleMs: 0 }]),
);

const clients: Beater[] = [];
let mode: 'idle' | 'closed' | 'open' = 'idle';
let answered = 0;
let refused = 0;
let overrun = 0;
let lost = 0;
let latencies: number[] = [];
let timer: NodeJS.Timeout | undefined;

class Beater {
  readonly #client: RawClient;
  readonly #sentAt = new Float64Array(IDS);
  #next = 0;

  constructor(client: RawClient) {
    this.#client = client;
    client.onClose = () => {
      lost += 1;
    };
    client.onPacket = (bytes, from, to) => {
      const id = acceptedId(bytes, from, to);
      if (id === -2) {
        // Between measurements the broker still asks, and ends sessions that do not answer.
        if (mode === 'idle' && isEvent(bytes, from, to, 'beat')) this.beat();
        return;
      }
      if (id === -1) refused += 1;
      else this.#answered(id);
      if (mode === 'closed') this.beat();
    };
  }

  beat(): void {
    const id = this.#next;
    if (this.#sentAt[id] !== 0) {
      overrun += 1;
      return;
    }
    this.#next = (id + 1) % IDS;
    this.#sentAt[id] = performance.now();
    this.#client.write(FRAMES[id] as Buffer);
  }

  #answered(id: number): void {
    answered += 1;
    if (latencies.length < MAX_LATENCIES) latencies.push(performance.now() - (this.#sentAt[id] as number));
    this.#sentAt[id] = 0;
  }
}

const methods = {
  async connect(options: { port: number; clients: number; tenants: number }): Promise<void> {
    for (let from = 0; from < options.clients; from += CONNECTING_AT_ONCE) {
      const size = Math.min(CONNECTING_AT_ONCE, options.clients - from);
      const opened = Array.from({ length: size }, async (_, i) => {
        const token = await tokenFor(`bench-${(from + i) % options.tenants}`, `user-${from + i}`);
        return RawClient.open({ port: options.port, namespace: CLIENT_NAMESPACE, auth: { token } });
      });
      for (const client of await Promise.all(opened)) clients.push(new Beater(client));
    }
  },
  /** Every client sends its next heartbeat when the last one is answered. */
  closedLoop(): void {
    mode = 'closed';
    for (const client of clients) client.beat();
  },
  /** Heartbeats at a rate, by one client after the other, whether or not they are answered. */
  openLoop({ perSecond }: { perSecond: number }): void {
    mode = 'open';
    const startedAt = performance.now();
    let sent = 0;
    timer = setInterval(() => {
      for (const due = ((performance.now() - startedAt) * perSecond) / 1_000; sent < due; sent += 1) {
        clients[sent % clients.length]?.beat();
      }
    }, TICK_MS);
  },
  pause(): void {
    mode = 'idle';
    clearInterval(timer);
  },
  /** The latencies since the last call, in milliseconds. */
  latencies(): number[] {
    const taken = latencies;
    latencies = [];
    return taken;
  },
  /** What happened so far. */
  sample(): Usage & { answered: number; refused: number; overrun: number; lost: number } {
    return { ...usage(), answered, refused, overrun, lost };
  },
};

export type HeartbeatLoad = typeof methods;
serve(methods);
