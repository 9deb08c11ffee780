import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { isEvent, readPacket } from '../lib/packets.js';
import { inParallel } from '../lib/pool.js';
import { packetFrame, RawClient } from '../lib/raw-client.js';
import { type Latency, latencyOf } from '../lib/stats.js';
import { tokenFor } from '../lib/tokens.js';
import { serve } from '../lib/worker.js';

/** People whose broker dies: each comes back to another one as the SDK does, and waits as it is told. */

const AT_ONCE = 64;
/** The SDK's wait: anything up to a second, twice as much after each failure up to the ceiling. */
const BACK_OFF_MS = 1_000;
const BACK_OFF_CEILING_MS = 15_000;
const HEARTBEAT = packetFrame(CLIENT_NAMESPACE, 'event', undefined, ['heartbeat', { idleMs: 0 }]);

interface Person {
  readonly token: string;
  resume?: { readonly sessionId: string; readonly key: string };
  /** When the connection was lost; since then, until it was welcomed again. */
  lostAt: number;
  attempts: number;
}

interface Welcome {
  readonly sessionId: string;
  readonly resumeKey: string;
  readonly resumed: boolean;
}

/** What became of them, by the load's own clock. */
export interface Returned {
  readonly back: number;
  readonly anew: number;
  /** How often somebody was turned away, in all. */
  readonly refusals: number;
  readonly outage: Latency;
}

let next = 0;
let refusals = 0;
let anew = 0;
const outages: number[] = [];

/** What the broker said of when to come again. */
function toldMs(error: unknown): number {
  return Number(/"retryAfterMs":(\d+)/.exec(String(error))?.[1] ?? 0);
}

function welcomed(person: Person, { sessionId, resumeKey, resumed }: Welcome): void {
  if (person.resume) {
    outages.push(performance.now() - person.lostAt);
    if (!resumed || sessionId !== person.resume.sessionId) anew += 1;
  }
  person.resume = { sessionId, key: resumeKey };
  person.attempts = 0;
}

async function connect(port: number, person: Person): Promise<void> {
  const { token, resume } = person;
  // Not there yet when a beat comes with the welcome, which has just renewed the lease.
  let client: RawClient | undefined;
  client = await RawClient.open({
    port,
    namespace: CLIENT_NAMESPACE,
    auth: { token, ...(resume ? { resume } : {}) },
    onPacket: (bytes, from, to) => {
      if (isEvent(bytes, from, to, 'beat')) client?.write(HEARTBEAT);
      else if (isEvent(bytes, from, to, 'welcome')) {
        const packet = readPacket(bytes, from, to);
        if (packet.type === 'event') welcomed(person, packet.payload as Welcome);
      }
    },
  });
  client.onClose = () => {
    person.lostAt = performance.now();
    comeBack(person, 0);
  };
}

function comeBack(person: Person, waitMs: number): void {
  const ceilingMs = Math.min(BACK_OFF_CEILING_MS, BACK_OFF_MS * 2 ** person.attempts);
  person.attempts += 1;
  setTimeout(
    () => {
      connect(next, person).catch((error: unknown) => {
        refusals += 1;
        comeBack(person, toldMs(error));
      });
    },
    waitMs + Math.random() * ceilingMs,
  );
}

const methods = {
  /** Connects them to one broker; when that is gone they come back to the other. */
  async connect(options: { port: number; other: number; tenant: string; clients: number }): Promise<void> {
    next = options.other;
    await inParallel(options.clients, AT_ONCE, async (i) => {
      const person = { token: await tokenFor(options.tenant, `person-${i}`), lostAt: 0, attempts: 0 };
      await connect(options.port, person);
    });
  },
  returned: (): Returned => ({ back: outages.length, anew, refusals, outage: latencyOf(outages) }),
};

export type Returners = typeof methods;
serve(methods);
