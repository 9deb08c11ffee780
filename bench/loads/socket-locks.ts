import { randomUUID } from 'node:crypto';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { Caller } from '../lib/caller.js';
import { type Gone, goFor } from '../lib/goes.js';
import { inParallel } from '../lib/pool.js';
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
      const caller: Caller = await Caller.open(
        { port, namespace: CLIENT_NAMESPACE, auth },
        {
          onEvent: (event) => {
            if (event === 'beat') caller.tell('heartbeat', { idleMs: 0 });
          },
        },
      );
      return caller;
    });
  },
  /** Lets every client acquire and release again and again for a time. */
  run({ ms }: { ms: number }): Promise<Gone> {
    return goFor(ms, callers.length, (client) => {
      const caller = callers[client] as Caller;
      const resource = `record/${client}`;
      let fence = 0;
      return [
        async () => {
          const answer = await caller.call<Granted>('lock:acquire', { resource, requestId: randomUUID() });
          if (answer.state !== 'granted') throw new Error(`a lock nobody else wants is ${answer.state}`);
          fence = answer.lock.fence;
        },
        () => caller.call('lock:release', { resource, fence }),
      ];
    });
  },
  usage,
};

export type SocketLocksLoad = typeof methods;
serve(methods);
