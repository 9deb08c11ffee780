import { CLIENT_NAMESPACE, DEFAULT_POLICY } from '@lastcall/shared';
import { connectRedis } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { Api } from '../lib/api.js';
import { Caller } from '../lib/caller.js';
import { inParallel } from '../lib/pool.js';
import { acquireLock, openSession } from '../lib/sessions.js';
import { type Latency, latencyOf } from '../lib/stats.js';
import { tokenFor } from '../lib/tokens.js';
import { serve } from '../lib/worker.js';

/** The people of one tenant: some connected, who answer whatever they are asked, the others in the registry alone. */

const AT_ONCE = 32;
/** One session in so many holds a lock. */
const LOCK_EVERY = 10;
/** Nobody's lease runs out by itself while phases are measured. */
const LONG_LEASE_MS = 3_600_000;

/** What connected clients were told, and when the last of them heard it, by the clock all processes share. */
interface Heard {
  warned: number;
  cancelled: number;
  loggedOff: number;
  closed: number;
  lastAt: number;
}
const heard: Heard = { warned: 0, cancelled: 0, loggedOff: 0, closed: 0, lastAt: 0 };
const COUNTED: Readonly<Record<string, 'warned' | 'cancelled' | 'loggedOff'>> = {
  warning: 'warned',
  'warning:cancelled': 'cancelled',
  logoff: 'loggedOff',
};

let store: Store | undefined;

async function storeAt(redisUrl: string): Promise<Store> {
  store ??= new Store(await connectRedis({ url: redisUrl }));
  return store;
}

async function connectOne(port: number, tenant: string, user: string): Promise<void> {
  const caller: Caller = await Caller.open(
    { port, namespace: CLIENT_NAMESPACE, auth: { token: await tokenFor(tenant, user), app: { name: 'ledger' } } },
    {
      onEvent: (event, payload, acknowledge) => {
        if (event === 'beat') {
          caller.tell('heartbeat', { n: (payload as { n: number }).n, idleMs: 0 });
          return;
        }
        const counted = COUNTED[event];
        if (counted === undefined) return;
        heard[counted] += 1;
        heard.lastAt = Date.now();
        acknowledge();
      },
      onClose: () => {
        heard.closed += 1;
      },
    },
  );
}

const methods = {
  /** Gives the tenant leases that outlast every phase. */
  async prepare({ redisUrl, tenant }: { redisUrl: string; tenant: string }): Promise<void> {
    const settings = JSON.stringify({ ...DEFAULT_POLICY, leaseMs: LONG_LEASE_MS });
    const to = await storeAt(redisUrl);
    await to.load();
    await to.addTenant(tenant);
    await to.run('policy_set', tenant, [0, settings, JSON.stringify({ kind: 'system' })]);
  },
  async connect({ port, tenant, clients }: { port: number; tenant: string; clients: number }): Promise<void> {
    await inParallel(clients, AT_ONCE, (i) => connectOne(port, tenant, `connected-${i}`));
  },
  /** Opens sessions by script, one in ten with a lock; answers their ids. */
  async open({ redisUrl, tenant, count }: { redisUrl: string; tenant: string; count: number }): Promise<string[]> {
    const to = await storeAt(redisUrl);
    return inParallel(count, AT_ONCE, async (i) => {
      const sessionId = await openSession(to, tenant, `registered-${i}`);
      if (i % LOCK_EVERY === 0) await acquireLock(to, tenant, sessionId, `invoice/${i}`);
      return sessionId;
    });
  },
  /** Reads pages of the list one after the other, beginning anew at its end. */
  async list(options: { port: number; tenant: string; pages: number; query: string }): Promise<Latency> {
    const api = new Api(options.port, await tokenFor(options.tenant, 'root', ['admin']));
    const path = `/v1/tenants/${options.tenant}/sessions?${options.query}`;
    const durations: number[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < options.pages; page += 1) {
      const startedAt = performance.now();
      const answer = await api.call<{ items: unknown[]; next?: string }>(
        'GET',
        cursor === undefined ? path : `${path}&cursor=${encodeURIComponent(cursor)}`,
      );
      durations.push(performance.now() - startedAt);
      cursor = answer.next;
    }
    api.close();
    return latencyOf(durations);
  },
  heard: (): Heard => heard,
};

export type Crowd = typeof methods;
serve(methods);
