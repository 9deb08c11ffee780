import type { Order } from '@lastcall/shared';
import type { Api } from '../lib/api.js';
import { until } from '../lib/pool.js';
import type { RedisServer } from '../lib/redis-server.js';
import type { Worker } from '../lib/worker.js';
import type { Crowd } from '../loads/crowd.js';

export const TENANT = 'bench';
const KEYS = `lc:{${TENANT}}:`;
const UNLINK_AT_ONCE = 500;

/** A tenant full of people, and everything that is needed to do something to all of them. */
export interface Scene {
  readonly redis: RedisServer;
  readonly crowd: Worker<Crowd>;
  readonly api: Api;
  readonly port: number;
  readonly sessions: number;
  readonly clients: number;
  /** The order the next phases are about. */
  order?: Order;
}

export type Values = Record<string, number>;
export interface Phase {
  readonly name: string;
  readonly what: string;
  /** Brings about what is to be measured; not part of it. */
  readonly prepare?: (scene: Scene) => Promise<void>;
  readonly run: (scene: Scene) => Promise<Values>;
}

const ordersPath = `/v1/tenants/${TENANT}/orders`;

async function createOrder(scene: Scene, graceMs: number): Promise<Order> {
  return await scene.api.call<Order>('POST', ordersPath, {
    action: 'logoff',
    target: { all: true },
    message: 'Please save your work: the ledger closes for the evening.',
    reason: 'admin',
    graceMs,
    holdMs: 0,
  });
}

const orderNow = (scene: Scene): Promise<Order> =>
  scene.api.call<Order>('GET', `${ordersPath}/${scene.order?.id ?? ''}`);

async function untilOrder(scene: Scene, what: string, holds: (order: Order) => boolean): Promise<Order> {
  let order = await orderNow(scene);
  await until(what, async () => {
    if (!holds(order)) order = await orderNow(scene);
    return holds(order);
  });
  return order;
}

/** Makes everything in the tenant due in this instant: the most a sweep can have to do. */
async function makeAllDue({ redis }: Scene): Promise<void> {
  await redis.observer.zunionstore(`${KEYS}due`, 1, `${KEYS}due`, 'WEIGHTS', 0);
}

/** Resolves when nothing is due any more; answers how long that took. */
async function swept({ redis }: Scene): Promise<number> {
  const startedAt = performance.now();
  await until('the sweep', async () => (await redis.observer.zcount(`${KEYS}due`, '-inf', Date.now())) === 0);
  return performance.now() - startedAt;
}

function expectEqual(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found} instead of ${wanted}`);
}

async function openAll({ redis, crowd, port, sessions, clients }: Scene): Promise<string[]> {
  await crowd.call('connect', { port, tenant: TENANT, clients });
  return crowd.call('open', { redisUrl: redis.url, tenant: TENANT, count: sessions - clients });
}

export const PHASES: readonly Phase[] = [
  {
    name: 'open',
    what: 'all sessions are opened, one in five by a socket',
    async run(scene) {
      await openAll(scene);
      return {};
    },
  },
  {
    name: 'list',
    what: 'pages of the list are read over HTTP',
    async run({ crowd, port, sessions }) {
      const pages = Math.max(20, Math.min(300, sessions / 25));
      const read = (query: string, count: number) =>
        crowd.call('list', { port, tenant: TENANT, pages: count, query });
      await read('limit=100', pages / 4);
      const page = await read('limit=100', pages);
      const large = await read('limit=1000', 20);
      const search = await read('limit=100&q=nobody-is-called-this', 20);
      return {
        p50: page.p50,
        p99: page.p99,
        longest: page.max,
        p50Of1000: large.p50,
        longestOf1000: large.max,
        p50OfSearch: search.p50,
        longestOfSearch: search.max,
      };
    },
  },
  {
    name: 'sweep-live',
    what: 'all sessions fall due at once while their leases run',
    async run(scene) {
      await makeAllDue(scene);
      return { tookMs: await swept(scene) };
    },
  },
  {
    name: 'order',
    what: 'a logoff order for everybody: created, told to all who are connected, acknowledged',
    async run(scene) {
      const startedAt = performance.now();
      const calledAt = Date.now();
      scene.order = await createOrder(scene, 3_600_000);
      const answeredMs = performance.now() - startedAt;
      const { counts } = await untilOrder(
        scene,
        'the order reaches everybody',
        (order) => order.state === 'pending' && order.counts.delivered >= scene.clients,
      );
      const { warned, lastAt } = await scene.crowd.call('heard');
      expectEqual('sessions under the order', counts.targeted, scene.sessions);
      expectEqual('clients that were warned', warned, scene.clients);
      return { answeredMs, lastToldMs: lastAt - calledAt, tookMs: performance.now() - startedAt };
    },
  },
  {
    name: 'cancel',
    what: 'the order is cancelled and everybody told',
    async run(scene) {
      const startedAt = performance.now();
      await scene.api.call('DELETE', `${ordersPath}/${scene.order?.id ?? ''}`);
      await until('the cancellation reaches everybody', async () => {
        const { cancelled } = await scene.crowd.call('heard');
        return cancelled >= scene.clients;
      });
      return { tookMs: performance.now() - startedAt };
    },
  },
  {
    name: 'ending',
    what: 'a logoff order without grace ends everybody, and every receipt is decided',
    async run(scene) {
      scene.order = await createOrder(scene, 0);
      const startedAt = performance.now();
      await untilOrder(scene, 'every session has ended', ({ counts }) => counts.ended >= scene.sessions);
      const tookMs = performance.now() - startedAt;
      const { counts } = await untilOrder(
        scene,
        'every receipt is decided',
        (order) => order.state === 'done',
      );
      const doneMs = performance.now() - startedAt;
      expectEqual('sessions ended', counts.ended, scene.sessions);
      expectEqual('receipts verified', counts.verified, scene.sessions);
      expectEqual('clients logged off', (await scene.crowd.call('heard')).loggedOff, scene.clients);
      return { tookMs, doneMs };
    },
  },
  {
    name: 'sweep-expired',
    what: 'the leases of all sessions have run out, one in ten holds a lock',
    async prepare({ redis, crowd, sessions }) {
      const ids = await crowd.call('open', { redisUrl: redis.url, tenant: TENANT, count: sessions });
      for (let from = 0; from < ids.length; from += UNLINK_AT_ONCE) {
        await redis.observer.unlink(ids.slice(from, from + UNLINK_AT_ONCE).map((id) => `${KEYS}lease:${id}`));
      }
    },
    async run(scene) {
      await makeAllDue(scene);
      const tookMs = await swept(scene);
      expectEqual('sessions left', await scene.redis.observer.zcard(`${KEYS}sessions`), 0);
      return { tookMs };
    },
  },
];
