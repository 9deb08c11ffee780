import { Comparison, inTurns, type Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { compareDirectly } from '../lib/direct.js';
import { startRedis } from '../lib/redis-server.js';
import { asRatio, figure, withSpread } from '../lib/report.js';
import { latencyOf, type Spread } from '../lib/stats.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { undisturbed } from '../lib/undisturbed.js';
import { startWorker } from '../lib/worker.js';
import type { HotLockLoad, HotTimes } from '../loads/hot-lock.js';

const AMONG = [
  { name: 'among-100', what: '100 locks held in the tenant' },
  { name: 'among-100000', what: '100 000 locks held in the tenant' },
] as const;
const SESSIONS = 64;
/** Rounds of which the middle counts: a single one says more of the machine than of locks. */
const ROUNDS = 7;
/** The goals: how many times a round trip a hand-over may take, and an acquire among many of one among few, at p99. */
const HAND_OVER_TIMES = 3;
const AMONG_TIMES = 1.5;
/** The share of the processors that others may take before a round says more of them. */
const DISTURBED = 0.1;

/** Hands one record on among sessions, and measures a round trip after each time. */
async function handOn(context: Context): Promise<Cell[]> {
  const cells = await inTurns(context, SESSIONS, [{ name: 'hot' }], async () => {
    const cores = assignCores('server');
    // Whatever else wants the processor would be in the highest hundredth of either.
    const redis = await startRedis(cores.redis, { first: true });
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
    busy: slices.reduce((sum, { busy }) => sum + busy, 0) / slices.length,
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

function verdict(what: string, measured: Spread, limit: number, others: Spread): readonly string[] {
  const is = measured.median <= limit ? 'met' : 'missed';
  const isDisturbed = others.median > DISTURBED;
  const share = `${(others.median * 100).toFixed(0)} %`;
  return [
    what,
    `${limit.toFixed(2)} ×`,
    asRatio(measured),
    isDisturbed ? `undecided: others took ${share} of the processors` : is,
  ];
}

function goalTable(among: readonly Cell[], hot: readonly Cell[], sizes: readonly number[]): Table {
  const [few, many] = AMONG;
  const hand = new Comparison(hot, SESSIONS, 'hot');
  const busy = (hand.of('hot', 'busy').median * 100).toFixed(0);
  return {
    title: 'The goals',
    columns: ['at p99', 'at most', 'median of the rounds', 'verdict'],
    rows: [
      verdict(
        `${SESSIONS} sessions want one record: hand-over, as a multiple of a round trip to Redis`,
        hand.of('hot', 'timesP99'),
        HAND_OVER_TIMES,
        hand.of('hot', 'others'),
      ),
      ...sizes.map((clients) => {
        const compared = new Comparison(among, clients, few.name);
        const who = clients === 1 ? '1 client' : `${clients} clients`;
        return verdict(
          `100 000 locks held: acquire (${who}), as a multiple of that with 100`,
          compared.ratio(many.name, 'firstP99'),
          AMONG_TIMES,
          compared.of(many.name, 'others'),
        );
      }),
    ],
    notes: [`The process that hands on was busy ${busy} % of the time: it is not the limit.`],
  };
}

export const locksCrowd: Suite = {
  name: 'locks-crowd',
  about: 'locks in a tenant that holds many, and one record that many want',
  async run(given) {
    const { form } = given;
    const rounds = form.name === 'quick' ? form.rounds : Math.max(ROUNDS, form.rounds);
    const context = { ...given, form: { ...form, rounds } };
    const sizes = [1, 16];
    const among: Cell[] = [];
    for (const clients of sizes) among.push(...(await compareDirectly(context, clients, AMONG)));
    const hot = await handOn(context);
    const tables = [amongTable(among, sizes), hotTable(hot), goalTable(among, hot, sizes)];
    return { cells: [...among, ...hot], tables };
  },
};
