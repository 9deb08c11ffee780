import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import type { Core } from 'lastcall/internal/core.js';
import { giveLongLeases, openCore, openSession } from '../lib/registry.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Sessions that want one record, one after the other: each gives it back, and asks for it again. */

const TENANT = 'bench';
const RESOURCE = 'record/hot';
const WAIT_MS = 300_000;

/** Times in milliseconds. */
export interface HotTimes {
  /** From the call that gives the record back until the other node hears that the next has it. */
  readonly handOvers: readonly number[];
  /** A `PING` before each of them, on a connection like that of the node: in the same process, in the same turns. */
  readonly roundTrips: readonly number[];
  /** The share of the time in which this process had something to do: near 1, it is what is measured. */
  readonly busy: number;
}

let core: Core;
let ping: Redis;
let holder: { sessionId: string; fence: number } | undefined;
let told: (grant: { sessionId: string; fence: number }) => void = () => undefined;

const ask = (sessionId: string) =>
  core.locks.acquire(
    TENANT,
    { sessionId, attach: 1, mayForce: false },
    { resource: RESOURCE, waitMs: WAIT_MS, requestId: randomUUID() },
  );

const methods = {
  async prepare({ redisUrl, sessions }: { redisUrl: string; sessions: number }): Promise<void> {
    core = await openCore(redisUrl);
    ping = new Redis(redisUrl);
    await giveLongLeases(core, TENANT);
    // The node of those who wait: it hears of grants as every node does, by what is published.
    const other = await openCore(redisUrl);
    await other.bus.follow(TENANT);
    other.bus.listen((_tenant, { type, sessionId = '', fence = 0 }) => {
      if (type === 'lock.granted') told({ sessionId, fence });
    });
    for (let i = 0; i < sessions; i += 1) {
      const sessionId = await openSession(core, TENANT, `user-${i}`, false);
      const answer = await ask(sessionId);
      if (answer.state === 'granted') holder = { sessionId, fence: answer.lock.fence };
    }
  },

  /** Hands the record on again and again for a time. */
  async run({ ms }: { ms: number }): Promise<HotTimes> {
    const handOvers: number[] = [];
    const roundTrips: number[] = [];
    const before = performance.eventLoopUtilization();
    const until = performance.now() + ms;
    while (performance.now() < until) {
      // Both follow an answer of Redis, so that neither finds it, or this process, more awake than the other.
      const asked = performance.now();
      await ping.ping();
      roundTrips.push(performance.now() - asked);
      const { sessionId, fence } = holder as { sessionId: string; fence: number };
      const next = new Promise<{ sessionId: string; fence: number }>((resolve) => {
        told = resolve;
      });
      const from = performance.now();
      const released = core.locks.release(TENANT, sessionId, RESOURCE, fence);
      holder = await next;
      handOvers.push(performance.now() - from);
      await released;
      const answer = await ask(sessionId);
      if (answer.state !== 'queued') throw new Error('a record that others wait for was granted');
    }
    const { utilization } = performance.eventLoopUtilization(before);
    return { handOvers, roundTrips, busy: utilization };
  },
  usage,
};

export type HotLockLoad = typeof methods;
serve(methods);
