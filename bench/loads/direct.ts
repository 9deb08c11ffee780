import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { type Gone, goFor } from '../lib/goes.js';
import { COMPARE_AND_DELETE } from '../lib/naive-lock.js';
import { openCore, openSession } from '../lib/registry.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Clients that talk to Redis without a server between, over one connection, as those of a server do. */

const TENANT = 'bench';
const LEASE_MS = 60_000;

/** What one client does, in one or two steps. */
type Steps = (client: number) => readonly (() => Promise<unknown>)[];

let clients = 0;
let steps: Steps | undefined;

function expectThat(holds: boolean): void {
  if (!holds) throw new Error('a lock nobody else wants was not granted or not given back');
}

/** What clients do, by name: `ping`, `set`, `set-nx`, `scripts`. */
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
  async scripts(redisUrl) {
    const core = await openCore(redisUrl);
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
            { sessionId, mayForce: false },
            { resource, requestId: randomUUID() },
          );
          expectThat(answer.state === 'granted');
          if (answer.state === 'granted') fence = answer.lock.fence;
        },
        async () => expectThat((await core.locks.release(TENANT, sessionId, resource, fence)).released),
      ];
    };
  },
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
