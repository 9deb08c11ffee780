import { setTimeout as delay } from 'node:timers/promises';
import type { Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { exponentOf, type Line, plotsOf } from '../lib/plot.js';
import { type RedisServer, startRedis } from '../lib/redis-server.js';
import { figure, withSpread } from '../lib/report.js';
import { spreadOf } from '../lib/stats.js';
import type { Cell, Context, Form, Suite, Table } from '../lib/suite.js';
import { SECRET } from '../lib/tokens.js';
import { startWorker, type Worker } from '../lib/worker.js';
import type { GrowthLoad, Work } from '../loads/growth.js';
import type { BrokerServer } from '../servers/broker.js';

interface Bench {
  readonly context: Context;
  readonly redis: RedisServer;
  readonly load: Worker<GrowthLoad>;
  /** What Redis took before anybody came. */
  readonly emptyBytes: number;
}

interface Measure {
  /** What is looked at, as the table says it. */
  readonly what: string;
  readonly name: string;
  readonly take: (bench: Bench, size: number) => Promise<number>;
}

/** Something there may be more of, and what is measured as it grows. */
interface Axis {
  readonly name: string;
  readonly what: string;
  readonly sizes: Readonly<Record<Form['name'], readonly number[]>>;
  readonly grow: (bench: Bench, size: number) => Promise<unknown>;
  readonly measures: readonly Measure[];
}

const TENS = [1_000, 3_000, 10_000, 30_000, 100_000];
const PEOPLE = 1_000;
/** Enough that none of them holds more than a session may. */
const HOLDERS = 4_000;
/** Spread over all tenants, so that only their number differs. */
const SPREAD_OVER = 10_000;
/** Of a broker beside so many tenants: until all were looked at once, and then long enough for each of its loops. */
const REST_MS = { quick: 1_000, short: 6_000, full: 20_000 } as const;

/** What one piece of work takes of Redis, in microseconds of its processor. */
function costOf(work: Work, what: string): Measure {
  return {
    name: work,
    what,
    async take({ context, redis, load }) {
      await load.call('work', { work, ms: context.form.warmMs / 3 });
      const before = await redis.cpuUs();
      const { count } = await load.call('work', { work, ms: context.form.measureMs });
      return ((await redis.cpuUs()) - before) / count;
    },
  };
}

const HEARTBEAT = costOf('heartbeat', 'a heartbeat, Redis µs');
const LOCK = costOf('lock', 'a lock and its release, Redis µs');

/** What the loops of a broker take of Redis while nothing happens, in milliseconds a second. */
async function restOf({ context, redis }: Bench): Promise<number> {
  const options = { core: assignCores('redis').server, nodeFlags: context.serverFlags };
  const server = startWorker<BrokerServer>('servers/broker.js', options);
  try {
    await server.call('start', { redisUrl: redis.url, secret: SECRET });
    await delay(REST_MS[context.form.name]);
    const [before, startedAt] = [await redis.cpuUs(), performance.now()];
    await delay(REST_MS[context.form.name]);
    return ((await redis.cpuUs()) - before) / (performance.now() - startedAt);
  } finally {
    await server.stop();
  }
}

const AXES: readonly Axis[] = [
  {
    name: 'sessions',
    what: 'sessions registered in one tenant',
    sizes: { quick: [100, 300], short: TENS, full: TENS },
    grow: ({ redis, load }, size) => load.call('people', { redisUrl: redis.url, sessions: size, tenants: 1 }),
    measures: [
      {
        // First of all: who comes and goes leaves an ending behind.
        name: 'bytes',
        what: 'memory of Redis, bytes a session',
        take: async ({ redis, emptyBytes }, size) => ((await redis.memoryBytes()) - emptyBytes) / size,
      },
      HEARTBEAT,
      costOf('coming', 'a session opened and ended, Redis µs'),
      costOf('page', 'a page of 100 rows, Redis µs'),
    ],
  },
  {
    name: 'tenants',
    what: 'tenants that 10 000 sessions are spread over',
    sizes: { quick: [1, 10], short: [1, 10, 100, 1_000, 10_000], full: [1, 10, 100, 1_000, 10_000] },
    grow: ({ redis, load, context }, size) => {
      const sessions = context.form.name === 'quick' ? 100 : SPREAD_OVER;
      return load.call('people', { redisUrl: redis.url, sessions, tenants: size });
    },
    measures: [HEARTBEAT, { name: 'rest', what: 'a broker at rest, ms of Redis a second', take: restOf }],
  },
  {
    name: 'locks',
    what: 'locks held in one tenant',
    sizes: { quick: [100, 300], short: [100, 1_000, 10_000, 100_000], full: [100, 1_000, 10_000, 100_000] },
    async grow({ redis, load }, size) {
      await load.call('people', { redisUrl: redis.url, sessions: HOLDERS, tenants: 1 });
      await load.call('locks', { count: size });
    },
    measures: [LOCK],
  },
  {
    name: 'nodes',
    what: 'nodes that hear of one tenant',
    sizes: { quick: [1, 2], short: [1, 2, 3, 4], full: [1, 2, 3, 4] },
    async grow({ redis, load }, size) {
      await load.call('people', { redisUrl: redis.url, sessions: PEOPLE, tenants: 1 });
      await load.call('nodes', { redisUrl: redis.url, count: size });
    },
    measures: [LOCK],
  },
];

/** Tenants do not become more in one registry: each number of them has a registry of its own. */
const startsAnew = (axis: Axis): boolean => axis.name === 'tenants';

async function climb(context: Context, axis: Axis, sizes: readonly number[], round: number): Promise<Cell[]> {
  const cores = assignCores('redis');
  const redis = await startRedis(cores.redis);
  const load = startWorker<GrowthLoad>('loads/growth.js', { core: cores.load });
  const bench = { context, redis, load, emptyBytes: await redis.memoryBytes() };
  const cells: Cell[] = [];
  try {
    for (const size of sizes) {
      await axis.grow(bench, size);
      const values: Record<string, number> = {};
      for (const { name, take } of axis.measures) values[name] = await take(bench, size);
      cells.push({ variant: axis.name, size, round, values });
      context.progress(`  ${whole(size)} ${axis.what}, round ${round + 1}: ${told(values)}`);
    }
  } finally {
    await load.stop();
    await redis.stop();
  }
  return cells;
}

const whole = (size: number): string => figure(size).replace(/\.0+$/, '');

const told = (values: Values): string =>
  Object.entries(values)
    .map(([name, value]) => `${name} ${figure(value)}`)
    .join(', ');

/** What was measured as an axis grew: the middle of the rounds, by size. */
function linesOf(axis: Axis, cells: readonly Cell[], sizes: readonly number[]): Line[] {
  return axis.measures.map(({ name, what }) => ({
    name: what,
    points: sizes.map((size) => ({ size, value: valuesAt(axis, cells, size, name).median })),
  }));
}

function valuesAt(axis: Axis, cells: readonly Cell[], size: number, name: string) {
  const found = cells.filter((cell) => cell.variant === axis.name && cell.size === size);
  return spreadOf(found.map(({ values }) => values[name] ?? Number.NaN));
}

function tableOf(axis: Axis, cells: readonly Cell[], sizes: readonly number[]): Table {
  const lines = linesOf(axis, cells, sizes);
  return {
    title: axis.what.replace(/^./, (first) => first.toUpperCase()),
    columns: ['', ...sizes.map(whole), 'exponent'],
    rows: axis.measures.map(({ name, what }, i) => [
      what,
      ...sizes.map((size) => withSpread(valuesAt(axis, cells, size, name))),
      exponentOf(lines[i]?.points ?? []).toFixed(2),
    ]),
  };
}

export const growth: Suite = {
  name: 'growth',
  about: 'what the same work costs when there is more of everything else',
  async run(context) {
    const cells: Cell[] = [];
    const of = (axis: Axis): readonly number[] => axis.sizes[context.form.name];
    for (let round = 0; round < context.form.rounds; round += 1) {
      for (const axis of AXES) {
        const climbs = startsAnew(axis) ? of(axis).map((size) => [size]) : [of(axis)];
        for (const sizes of climbs) cells.push(...(await climb(context, axis, sizes, round)));
      }
    }
    const panels = AXES.map((axis) => ({ title: axis.what, lines: linesOf(axis, cells, of(axis)) }));
    return {
      cells,
      tables: AXES.map((axis) => tableOf(axis, cells, of(axis))),
      plots: [{ name: 'growth', svg: plotsOf(panels) }],
    };
  },
};
