import { randomUUID } from 'node:crypto';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import type { Core } from 'lastcall/internal/core.js';
import { Api } from '../lib/api.js';
import { Caller } from '../lib/caller.js';
import { inParallel } from '../lib/pool.js';
import { giveLongLeases, openCore, openSession } from '../lib/registry.js';
import { type Latency, latencyOf } from '../lib/stats.js';
import { tokenFor } from '../lib/tokens.js';
import { serve } from '../lib/worker.js';

/** The people of one tenant: some connected, who answer whatever they are asked, the others in the registry alone. */

const AT_ONCE = 32;
/** One session in so many holds a lock. */
const LOCK_EVERY = 10;

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

let core: Core | undefined;

async function coreAt(redisUrl: string): Promise<Core> {
  core ??= await openCore(redisUrl);
  return core;
}

async function connectOne(port: number, tenant: string, user: string): Promise<void> {
  const caller: Caller = await Caller.open(
    {
      port,
      namespace: CLIENT_NAMESPACE,
      auth: { token: await tokenFor(tenant, user), app: { name: 'ledger' } },
    },
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
    await giveLongLeases(await coreAt(redisUrl), tenant);
  },
  async connect({ port, tenant, clients }: { port: number; tenant: string; clients: number }): Promise<void> {
    await inParallel(clients, AT_ONCE, (i) => connectOne(port, tenant, `connected-${i}`));
  },
  /**
   * Opens sessions by script, one in ten with a lock. Every other one lost its socket since; the others are left by a
   * node that went away. Answers their ids.
   */
  async open({
    redisUrl,
    tenant,
    count,
  }: {
    redisUrl: string;
    tenant: string;
    count: number;
  }): Promise<string[]> {
    const to = await coreAt(redisUrl);
    return inParallel(count, AT_ONCE, async (i) => {
      const sessionId = await openSession(to, tenant, `registered-${i}`, i % 2 === 0);
      if (i % LOCK_EVERY === 1) {
        await to.locks.acquire(
          tenant,
          { sessionId, attach: 1, mayForce: false },
          { resource: `invoice/${i}`, requestId: randomUUID() },
        );
      }
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
