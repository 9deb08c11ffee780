import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { COMPARE_AND_DELETE } from '../lib/naive-lock.js';
import { openCore, openSession } from '../lib/registry.js';
import { type Latency, latencyOf } from '../lib/stats.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Clients that talk to Redis without a server between, over one connection, as those of a server do. */

const TENANT = 'bench';
const LEASE_MS = 60_000;

/** One go of one client: how long each of its parts took. */
type Go = (client: number) => Promise<{ first: number; whole: number }>;

interface Outcome {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly count: number;
  /** Of the first part (acquire), and of the whole go (acquire and release). */
  readonly first: Latency;
  readonly whole: Latency;
}

let go: Go | undefined;

async function timed(first: () => Promise<unknown>, second?: () => Promise<unknown>) {
  const startedAt = performance.now();
  await first();
  const firstMs = performance.now() - startedAt;
  await second?.();
  return { first: firstMs, whole: performance.now() - startedAt };
}

/** What clients do, by name: `ping`, `set`, `set-nx`, `scripts`. */
const KINDS: Readonly<Record<string, (redisUrl: string, clients: number) => Promise<Go>>> = {
  async ping(redisUrl) {
    const redis = new Redis(redisUrl);
    return () => timed(() => redis.ping());
  },
  async set(redisUrl) {
    const redis = new Redis(redisUrl);
    return (client) => timed(() => redis.set(`key:${client}`, '1', 'PX', LEASE_MS));
  },
  async 'set-nx'(redisUrl) {
    const redis = new Redis(redisUrl);
    const sha = String(await redis.script('LOAD', COMPARE_AND_DELETE));
    return (client) => {
      const key = `lock:record/${client}`;
      const token = randomUUID();
      return timed(
        async () => expectThat((await redis.set(key, token, 'PX', LEASE_MS, 'NX')) === 'OK'),
        async () => expectThat((await redis.evalsha(sha, 1, key, token)) === 1),
      );
    };
  },
  async scripts(redisUrl, clients) {
    const core = await openCore(redisUrl);
    const sessionIds = await Promise.all(
      Array.from({ length: clients }, (_, i) => openSession(core, TENANT, `user-${i}`, false)),
    );
    return (client) => {
      const sessionId = sessionIds[client] as string;
      const resource = `record/${client}`;
      let fence = 0;
      return timed(
        async () => {
          const answer = await core.locks.acquire(TENANT, sessionId, { resource, requestId: randomUUID() });
          expectThat(answer.state === 'granted');
          if (answer.state === 'granted') fence = answer.lock.fence;
        },
        async () => expectThat((await core.locks.release(TENANT, sessionId, resource, fence)).released),
      );
    };
  },
};

function expectThat(holds: boolean): void {
  if (!holds) throw new Error('a lock nobody else wants was not granted or not given back');
}

const methods = {
  async prepare(options: { kind: string; redisUrl: string; clients: number }): Promise<void> {
    go = await KINDS[options.kind]?.(options.redisUrl, options.clients);
  },
  /** Lets every client go again and again for a time. */
  async run({ clients, ms }: { clients: number; ms: number }): Promise<Outcome> {
    if (!go) throw new Error('not prepared');
    const again = go;
    const first: number[] = [];
    const whole: number[] = [];
    const before = usage();
    const endsAt = before.atMs + ms;
    const loop = async (client: number): Promise<void> => {
      while (performance.now() < endsAt) {
        const took = await again(client);
        first.push(took.first);
        whole.push(took.whole);
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, client) => loop(client)));
    const after = usage();
    return {
      perSecond: (whole.length * 1_000) / (after.atMs - before.atMs),
      cpuUs: (after.cpuUs - before.cpuUs) / whole.length,
      count: whole.length,
      first: latencyOf(first),
      whole: latencyOf(whole),
    };
  },
};

export type DirectLoad = typeof methods;
serve(methods);
