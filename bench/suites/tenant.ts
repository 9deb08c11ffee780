import type { Order } from '@lastcall/shared';
import { Api } from '../lib/api.js';
import { assignCores } from '../lib/cores.js';
import { until } from '../lib/pool.js';
import { type RedisServer, startRedis } from '../lib/redis-server.js';
import { figure, withSpread } from '../lib/report.js';
import { type ScriptTime, ScriptTimes } from '../lib/script-times.js';
import { spreadOf } from '../lib/stats.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { SECRET, tokenFor } from '../lib/tokens.js';
import { startWorker, type Worker } from '../lib/worker.js';
import type { Crowd } from '../loads/crowd.js';
import type { BrokerServer } from '../servers/broker.js';

const TENANT = 'bench';
const KEYS = `lc:{${TENANT}}:`;
const UNLINK_AT_ONCE = 500;

/** A tenant full of people, and everything that is needed to do something to all of them. */
interface Scene {
  readonly redis: RedisServer;
  readonly server: Worker<BrokerServer>;
  readonly crowd: Worker<Crowd>;
  readonly api: Api;
  readonly port: number;
  readonly sessions: number;
  readonly clients: number;
  /** The order the next phases are about. */
  order?: Order;
}

type Values = Record<string, number>;
interface Phase {
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

const PHASES: readonly Phase[] = [
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
    what: 'a logoff order ends everybody; every receipt is decided',
    async run(scene) {
      scene.order = await createOrder(scene, 0);
      const startedAt = performance.now();
      const { counts } = await untilOrder(scene, 'everybody is logged off', (order) => order.state === 'done');
      const tookMs = performance.now() - startedAt;
      expectEqual('sessions ended', counts.ended, scene.sessions);
      expectEqual('receipts verified', counts.verified, scene.sessions);
      expectEqual('clients logged off', (await scene.crowd.call('heard')).loggedOff, scene.clients);
      return { tookMs };
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

async function playRound(
  context: Context,
  round: number,
  sizes: { sessions: number; clients: number },
): Promise<Cell[]> {
  const cores = assignCores('redis');
  const redis = await startRedis(cores.redis);
  const server = startWorker<BrokerServer>('servers/broker.js', { core: cores.server, nodeFlags: context.serverFlags });
  const crowd = startWorker<Crowd>('loads/crowd.js', { core: cores.load });
  try {
    const { port } = await server.call('start', { redisUrl: redis.url, secret: SECRET });
    await crowd.call('prepare', { redisUrl: redis.url, tenant: TENANT });
    const api = new Api(port, await tokenFor(TENANT, 'root', ['admin']));
    const scene: Scene = { redis, server, crowd, api, port, ...sizes };
    const times = await ScriptTimes.of(redis.observer);
    const cells: Cell[] = [];
    for (const phase of PHASES) {
      await phase.prepare?.(scene);
      await server.call('longestBlock');
      let values: Values = {};
      const scripts = await times.during(async () => {
        values = await phase.run(scene);
      });
      const longestBlockMs = await server.call('longestBlock');
      context.progress(`  ${phase.name}, round ${round + 1}: ${describe(values, scripts)}`);
      cells.push({
        variant: phase.name,
        size: sizes.sessions,
        round,
        values: { ...values, longestBlockMs, ...flat(scripts) },
      });
    }
    api.close();
    return cells;
  } finally {
    await Promise.all([crowd.stop(), server.stop()]);
    await redis.stop();
  }
}

function describe(values: Values, scripts: readonly ScriptTime[]): string {
  const told = Object.entries(values).map(([name, value]) => `${name} ${figure(value)}`);
  const worst = scripts.slice(0, 2).map(({ script, worst: ms }) => `${script} at most ${figure(ms)} ms`);
  return [...told, ...worst].join(', ');
}

/** Times of scripts as values of a cell: `sweep/worst` and so on. */
function flat(scripts: readonly ScriptTime[]): Values {
  return Object.fromEntries(
    scripts.flatMap(({ script, ...times }) => Object.entries(times).map(([name, ms]) => [`${script}/${name}`, ms])),
  );
}

export const tenant: Suite = {
  name: 'tenant',
  about: 'many sessions in one tenant: the list, and how long any script holds Redis',
  async run(context) {
    const sizes =
      context.form.name === 'quick' ? { sessions: 400, clients: 80 } : { sessions: 10_000, clients: 2_000 };
    const cells: Cell[] = [];
    for (let round = 0; round < context.form.rounds; round += 1) {
      cells.push(...(await playRound(context, round, sizes)));
    }
    return { cells, tables: [listTable(cells), phaseTable(cells, sizes.sessions), scriptTable(cells)] };
  },
};

function over(cells: readonly Cell[], phase: string, value: string): number[] {
  return cells.filter((cell) => cell.variant === phase).map((cell) => cell.values[value] ?? Number.NaN);
}

function listTable(cells: readonly Cell[]): Table {
  const of = (value: string): string => withSpread(spreadOf(over(cells, 'list', value)));
  return {
    title: 'The list over HTTP',
    columns: ['', 'p50 ms', 'p99 ms', 'longest ms'],
    rows: [
      ['100 rows', of('p50'), of('p99'), of('longest')],
      ['1 000 rows', of('p50Of1000'), '–', of('longestOf1000')],
      ['100 rows of a search that finds nobody', of('p50OfSearch'), '–', of('longestOfSearch')],
    ],
  };
}

function phaseTable(cells: readonly Cell[], sessions: number): Table {
  const rows = PHASES.map(({ name, what }) => {
    const own = cells.filter((cell) => cell.variant === name);
    const held = own.map((cell) =>
      Object.entries(cell.values)
        .filter(([value]) => value.endsWith('/sum'))
        .reduce((sum, [, ms]) => sum + ms, 0),
    );
    return [
      `${name}: ${what}`,
      withSpread(spreadOf(over(cells, name, 'tookMs'))),
      withSpread(spreadOf(over(cells, name, 'lastToldMs'))),
      withSpread(spreadOf(held.map((ms) => (ms * 1_000) / sessions))),
      withSpread(spreadOf(over(cells, name, 'longestBlockMs'))),
    ];
  });
  return {
    title: 'What is done to all of them',
    columns: [
      '',
      'until all is done, ms',
      'until the last connected client was told, ms',
      'Redis held by scripts, ms per 1 000 sessions',
      "longest block of the broker's event loop, ms",
    ],
    rows,
  };
}

function scriptTable(cells: readonly Cell[]): Table {
  const rows = PHASES.flatMap(({ name }) => {
    const scripts = new Set(
      cells
        .filter((cell) => cell.variant === name)
        .flatMap((cell) => Object.keys(cell.values))
        .filter((value) => value.endsWith('/worst'))
        .map((value) => value.slice(0, -'/worst'.length)),
    );
    const row = (script: string) => ({
      worst: spreadOf(over(cells, name, `${script}/worst`)),
      text: [
        `${name}: \`${script}\``,
        figure(spreadOf(over(cells, name, `${script}/count`)).median),
        withSpread(spreadOf(over(cells, name, `${script}/p50`))),
        withSpread(spreadOf(over(cells, name, `${script}/p99`))),
        withSpread(spreadOf(over(cells, name, `${script}/worst`))),
      ],
    });
    return [...scripts]
      .map(row)
      .toSorted((a, b) => b.worst.median - a.worst.median)
      .map(({ text }) => text);
  });
  return {
    title: 'How long scripts hold Redis',
    columns: ['', 'calls', 'p50 ms', 'p99 ms', 'worst ms'],
    rows,
    notes: ["By Redis' own slow log; the worst of each round, of which the median, smallest and largest are given."],
  };
}
