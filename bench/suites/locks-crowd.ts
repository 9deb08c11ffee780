import { Comparison, inTurns, type Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { compareDirectly } from '../lib/direct.js';
import { startRedis } from '../lib/redis-server.js';
import { asRatio, figure, withSpread } from '../lib/report.js';
import { latencyOf } from '../lib/stats.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { undisturbed } from '../lib/undisturbed.js';
import { startWorker } from '../lib/worker.js';
import type { HotLockLoad, HotTimes } from '../loads/hot-lock.js';

const AMONG = [
  { name: 'among-100', what: '100 locks held in the tenant' },
  { name: 'among-100000', what: '100 000 locks held in the tenant' },
] as const;
const SESSIONS = 64;

/** Hands one record on among sessions, and measures a round trip after each time. */
async function handOn(context: Context): Promise<Cell[]> {
  const cells = await inTurns(context, SESSIONS, [{ name: 'hot' }], async () => {
    const cores = assignCores('server');
    const redis = await startRedis(cores.redis);
    const load = startWorker<HotLockLoad>('loads/hot-lock.js', { core: cores.server });
    await load.call('prepare', { redisUrl: redis.url, sessions: SESSIONS });
    await load.call('run', { ms: context.form.warmMs });
    const cpuUs = async (): Promise<number> => (await load.call('usage')).cpuUs + (await redis.cpuUs());
    return {
      measure: async () => valuesOf(await undisturbed(context.form, cpuUs, (ms) => load.call('run', { ms }))),
      async stop() {
        await load.stop();
        await redis.stop();
      },
    };
  });
  return cells;
}

function valuesOf({ slices, others }: { slices: readonly HotTimes[]; others: number }): Values {
  const handOver = latencyOf(slices.flatMap((slice) => slice.handOvers));
  const roundTrip = latencyOf(slices.flatMap((slice) => slice.roundTrips));
  return {
    p50: handOver.p50,
    p99: handOver.p99,
    roundTripP50: roundTrip.p50,
    roundTripP99: roundTrip.p99,
    timesP50: handOver.p50 / roundTrip.p50,
    timesP99: handOver.p99 / roundTrip.p99,
    others,
  };
}

function hotTable(cells: readonly Cell[]): Table {
  const compared = new Comparison(cells, SESSIONS, 'hot');
  return {
    title: `${SESSIONS} sessions that want one record`,
    columns: ['', 'p50 ms', 'p99 ms', '× p50', '× p99'],
    rows: [
      [
        'one round trip to Redis (`PING`)',
        withSpread(compared.of('hot', 'roundTripP50')),
        withSpread(compared.of('hot', 'roundTripP99')),
        '1.00 ×',
        '1.00 ×',
      ],
      [
        'hand-over: given back by one, the next is told on another node',
        withSpread(compared.of('hot', 'p50')),
        withSpread(compared.of('hot', 'p99')),
        asRatio(compared.of('hot', 'timesP50')),
        asRatio(compared.of('hot', 'timesP99')),
      ],
    ],
  };
}

function amongTable(cells: readonly Cell[], sizes: readonly number[]): Table {
  return {
    title: 'A lock nobody else wants, among others',
    columns: ['', 'acquire p50 ms', 'acquire p99 ms', '× p50', '× p99', 'Redis CPU µs per pair'],
    rows: sizes.flatMap((clients) => {
      const compared = new Comparison(cells, clients, AMONG[0].name);
      return AMONG.map(({ name, what }) => [
        `${clients === 1 ? '1 client' : `${clients} clients`}: ${what}`,
        withSpread(compared.of(name, 'firstP50')),
        withSpread(compared.of(name, 'firstP99')),
        asRatio(compared.ratio(name, 'firstP50')),
        asRatio(compared.ratio(name, 'firstP99')),
        figure(compared.of(name, 'redisUs').median),
      ]);
    }),
  };
}

export const locksCrowd: Suite = {
  name: 'locks-crowd',
  about: 'locks in a tenant that holds many, and one record that many want',
  async run(context) {
    const sizes = [1, 16];
    const among: Cell[] = [];
    for (const clients of sizes) among.push(...(await compareDirectly(context, clients, AMONG)));
    const hot = await handOn(context);
    return { cells: [...among, ...hot], tables: [amongTable(among, sizes), hotTable(hot)] };
  },
};
