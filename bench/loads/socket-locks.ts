import { randomUUID } from 'node:crypto';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { Caller } from '../lib/caller.js';
import { inParallel } from '../lib/pool.js';
import { type Latency, latencyOf } from '../lib/stats.js';
import { tokenFor } from '../lib/tokens.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Clients that take and give back a lock of their own through a socket. */

interface Granted {
  readonly state: string;
  readonly lock: { readonly fence: number };
}

const AT_ONCE = 32;
let callers: Caller[] = [];

const methods = {
  async connect({ port, clients }: { port: number; clients: number }): Promise<void> {
    callers = await inParallel(clients, AT_ONCE, async (i) => {
      const auth = { token: await tokenFor('bench', `user-${i}`) };
      return Caller.open({ port, namespace: CLIENT_NAMESPACE, auth });
    });
  },
  /** Lets every client acquire and release again and again for a time. */
  async run({
    ms,
  }: {
    ms: number;
  }): Promise<{ perSecond: number; count: number; first: Latency; whole: Latency }> {
    const first: number[] = [];
    const whole: number[] = [];
    const startedAt = usage().atMs;
    const loop = async (caller: Caller, i: number): Promise<void> => {
      const resource = `record/${i}`;
      while (performance.now() < startedAt + ms) {
        const askedAt = performance.now();
        const { state, lock } = await caller.call<Granted>('lock:acquire', {
          resource,
          requestId: randomUUID(),
        });
        if (state !== 'granted') throw new Error(`a lock nobody else wants is ${state}`);
        first.push(performance.now() - askedAt);
        await caller.call('lock:release', { resource, fence: lock.fence });
        whole.push(performance.now() - askedAt);
      }
    };
    await Promise.all(callers.map(loop));
    const perSecond = (whole.length * 1_000) / (performance.now() - startedAt);
    return { perSecond, count: whole.length, first: latencyOf(first), whole: latencyOf(whole) };
  },
};

export type SocketLocksLoad = typeof methods;
serve(methods);
