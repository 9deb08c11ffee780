import { randomUUID } from 'node:crypto';
import type { Attachment } from 'lastcall/internal/attachments.js';
import type { Core } from 'lastcall/internal/core.js';
import { inParallel } from '../lib/pool.js';
import { giveLongLeases, lockLines, openAttachment, openCore } from '../lib/registry.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** A registry that grows, and a moment's work in it: without sockets and loops, so that the work is all there is. */

/** As many as a node sends on their way at once, so that what Redis can do is the limit. */
const AT_ONCE = 32;
/** Heartbeats that come together, as the answers to a beat do. */
const BEATS_AT_ONCE = 400;
const PAGE = 100;
const LOCKS_EACH = 50;

const tenantOf = (tenant: number): string => `bench-${tenant}`;
const cores: Core[] = [];
const people: Attachment[] = [];
let next = 0;
let locks = 0;
let cursor: string | undefined;

function core(): Core {
  return cores[0] as Core;
}

/** Whose turn it is: everybody's, one after the other. */
function someone(): Attachment {
  next = (next + 1) % people.length;
  return people[next] as Attachment;
}

async function lockAndRelease(): Promise<void> {
  const { tenant, sessionId, attach } = someone();
  const resource = `record/${sessionId}`;
  const answer = await core().locks.acquire(
    tenant,
    { sessionId, attach, mayForce: false },
    { resource, requestId: randomUUID() },
  );
  if (answer.state !== 'granted') throw new Error('a lock nobody else wants was not granted');
  await core().locks.release(tenant, sessionId, resource, answer.lock.fence);
}

/** What is done again and again, and how often at once. */
const WORK = {
  heartbeat: {
    atOnce: BEATS_AT_ONCE,
    do: () => core().heartbeats.beat(someone(), { idleMs: 0 }),
  },
  lock: { atOnce: AT_ONCE, do: lockAndRelease },
  page: {
    atOnce: 1,
    do: async () => {
      const page = { limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
      cursor = (await core().sessions.list(someone().tenant, {}, page)).next;
    },
  },
  coming: {
    atOnce: AT_ONCE,
    do: async () => {
      const person = await openAttachment(core(), someone().tenant, `comer-${randomUUID()}`);
      const end = { reason: 'user', by: { kind: 'system' } } as const;
      await core().sessions.end(person.tenant, person.sessionId, end);
      person.ended = true;
      await core().sessions.detach(person);
    },
  },
} as const;

export type Work = keyof typeof WORK;

const methods = {
  /** Brings the registry to so many sessions, spread over so many tenants; none goes. */
  async people(to: { redisUrl: string; sessions: number; tenants: number }): Promise<void> {
    if (cores.length === 0) cores.push(await openCore(to.redisUrl));
    const has = new Set(people.map(({ tenant }) => tenant)).size;
    await inParallel(Math.max(0, to.tenants - has), AT_ONCE, async (i) => {
      await giveLongLeases(core(), tenantOf(has + i));
    });
    const from = people.length;
    await inParallel(to.sessions - from, AT_ONCE, async (i) => {
      people.push(await openAttachment(core(), tenantOf((from + i) % to.tenants), `user-${from + i}`));
    });
    cursor = undefined;
  },
  /** Brings the first tenant to so many locks, each far from those that come and go. */
  async locks({ count }: { count: number }): Promise<void> {
    const from = locks;
    await inParallel(Math.ceil((count - from) / LOCKS_EACH), AT_ONCE, async (i) => {
      const first = from + i * LOCKS_EACH;
      const { tenant, sessionId } = people[(first / LOCKS_EACH) % people.length] as Attachment;
      const lines = { record: `record/${first}`, count: Math.min(LOCKS_EACH, count - first) };
      await lockLines(core(), tenant, sessionId, lines);
    });
    locks = count;
  },
  /** Has so many nodes hear what happens in the first tenant. */
  async nodes({ redisUrl, count }: { redisUrl: string; count: number }): Promise<void> {
    while (cores.length < count) {
      const other = await openCore(redisUrl);
      await other.bus.follow(tenantOf(0));
      cores.push(other);
    }
  },
  /** Does one kind of work for a time; answers how often it was done. */
  async work({ work, ms }: { work: Work; ms: number }): Promise<{ count: number }> {
    const { atOnce, do: once } = WORK[work];
    const until = performance.now() + ms;
    let count = 0;
    const loop = async (): Promise<void> => {
      while (performance.now() < until) {
        await once();
        count += 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, loop));
    return { count };
  },
  usage,
};

export type GrowthLoad = typeof methods;
serve(methods);
