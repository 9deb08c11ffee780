import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Core } from 'lastcall/internal/core.js';
import { type Gone, goFor } from '../lib/goes.js';
import { COMPARE_AND_DELETE } from '../lib/naive-lock.js';
import { inParallel } from '../lib/pool.js';
import { giveLongLeases, lockLines, openCore, openSession } from '../lib/registry.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Clients that talk to Redis without a server between, over one connection, as those of a server do. */

const TENANT = 'bench';
const LEASE_MS = 60_000;
const LOCKS_EACH = 50;
const AT_ONCE = 16;

/** What one client does, in one or two steps. */
type Steps = (client: number) => readonly (() => Promise<unknown>)[];

let clients = 0;
let steps: Steps | undefined;

function expectThat(holds: boolean): void {
  if (!holds) throw new Error('a lock nobody else wants was not granted or not given back');
}

/** Locks of others in the tenant, below the same resource as those of the clients. */
async function fill(core: Core, count: number): Promise<void> {
  await inParallel(Math.ceil(count / LOCKS_EACH), AT_ONCE, async (i) => {
    const sessionId = await openSession(core, TENANT, `holder-${i}`, false);
    const lines = { record: `record/${i}`, count: Math.min(LOCKS_EACH, count - i * LOCKS_EACH) };
    await lockLines(core, TENANT, sessionId, lines);
  });
}

/** The lock scripts, in a tenant that has so many locks already. */
async function scriptsAmong(redisUrl: string, others: number): Promise<Steps> {
  const core = await openCore(redisUrl);
  await giveLongLeases(core, TENANT);
  await fill(core, others);
  const sessionIds = await Promise.all(
    Array.from({ length: clients }, (_, i) => openSession(core, TENANT, `user-${i}`, false)),
  );
  return (client) => {
    const sessionId = sessionIds[client] as string;
    const resource = `record/${client}`;
    let fence = 0;
    return [
      async () => {
        const answer = await core.locks.acquire(
          TENANT,
          { sessionId, attach: 1, mayForce: false },
          { resource, requestId: randomUUID() },
        );
        expectThat(answer.state === 'granted');
        if (answer.state === 'granted') fence = answer.lock.fence;
      },
      async () => expectThat((await core.locks.release(TENANT, sessionId, resource, fence)).released),
    ];
  };
}

/** What clients do, by name: `ping`, `set`, `set-nx`, `scripts`, `among-…`. */
const KINDS: Readonly<Record<string, (redisUrl: string) => Promise<Steps>>> = {
  async ping(redisUrl) {
    const redis = new Redis(redisUrl);
    return () => [() => redis.ping()];
  },
  async set(redisUrl) {
    const redis = new Redis(redisUrl);
    return (client) => [() => redis.set(`key:${client}`, '1', 'PX', LEASE_MS)];
  },
  async 'set-nx'(redisUrl) {
    const redis = new Redis(redisUrl);
    const sha = String(await redis.script('LOAD', COMPARE_AND_DELETE));
    return (client) => {
      const key = `lock:record/${client}`;
      const token = randomUUID();
      return [
        async () => expectThat((await redis.set(key, token, 'PX', LEASE_MS, 'NX')) === 'OK'),
        async () => expectThat((await redis.evalsha(sha, 1, key, token)) === 1),
      ];
    };
  },
  scripts: (redisUrl) => scriptsAmong(redisUrl, 0),
  'among-100': (redisUrl) => scriptsAmong(redisUrl, 100),
  'among-100000': (redisUrl) => scriptsAmong(redisUrl, 100_000),
};

const methods = {
  async prepare(options: { kind: string; redisUrl: string; clients: number }): Promise<void> {
    clients = options.clients;
    steps = await KINDS[options.kind]?.(options.redisUrl);
  },
  /** Lets every client go again and again for a time. */
  run({ ms }: { ms: number }): Promise<Gone> {
    if (!steps) throw new Error('not prepared');
    return goFor(ms, clients, steps);
  },
  usage,
};

export type DirectLoad = typeof methods;
serve(methods);
