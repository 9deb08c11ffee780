import { Comparison, inTurns, type Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { summarize } from '../lib/goes.js';
import { missingFor, startLockServer } from '../lib/lock-servers.js';
import { asRatio, figure, withSpread } from '../lib/report.js';
import { latencyOf } from '../lib/stats.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { startWorker } from '../lib/worker.js';
import type { PeerLocks, Shared } from '../loads/peer-locks.js';

const KINDS = [
  { name: 'scripts', what: 'Lastcall: session, queue, fence, audit record, notice' },
  { name: 'set-nx', what: '`SET NX PX` + compare-and-delete, asked for every 10 ms' },
  { name: 'redlock', what: 'redlock 4, one Redis, asked for every 10 ms' },
  { name: 'sesame-redlock', what: '@sesamecare-oss/redlock, one Redis, asked for every 10 ms' },
  { name: 'zookeeper', what: 'ZooKeeper: the recipe, data in memory, no `fsync`' },
  { name: 'etcd', what: 'etcd: one transaction under a lease that lasts, data in memory' },
] as const;
type Kind = (typeof KINDS)[number];

const WANTING = 64;
const SIZES = [1, 16];
/** One look at how a record is shared: long enough for each of those who want it to have had it ten times. */
const SHARE_MS = { quick: 600, short: 4_000, full: 8_000 } as const;

async function start(context: Context, { name: kind }: Kind, clients: number, shares: boolean) {
  const cores = assignCores('server');
  const server = await startLockServer(kind, cores.redis);
  const load = startWorker<PeerLocks>('loads/peer-locks.js', { core: cores.server });
  await load.call('prepare', { kind, url: server.url, clients });
  if (!shares) await load.call('run', { ms: context.form.warmMs });
  return {
    measure: async (): Promise<Values> => {
      if (shares) return valuesOf(await load.call('share', { ms: SHARE_MS[context.form.name] }));
      const { perSecond, first, whole } = summarize([await load.call('run', { ms: context.form.measureMs })]);
      return { perSecond, firstP50: first.p50, firstP99: first.p99, p50: whole.p50, p99: whole.p99 };
    },
    async stop() {
      await load.stop();
      await server.stop();
    },
  };
}

/** Jain's index: 1 when all had it equally often, 1/n when one had it always. */
function fairnessOf(turns: readonly number[]): number {
  const sum = turns.reduce((all, count) => all + count, 0);
  return sum ** 2 / (turns.length * turns.reduce((all, count) => all + count ** 2, 0));
}

function valuesOf({ grants, tookMs, waits, turns }: Shared): Values {
  const { p50, p99, max } = latencyOf(waits);
  return {
    perSecond: (grants * 1_000) / tookMs,
    p50,
    p99,
    max,
    fairness: fairnessOf(turns),
    least: Math.min(...turns),
  };
}

function aloneTable(cells: readonly Cell[], kinds: readonly Kind[]): Table {
  return {
    title: 'A lock nobody else wants',
    columns: ['', 'pairs/s', 'Lastcall ×', 'acquire p50 / p99 ms'],
    rows: SIZES.flatMap((clients) => {
      const compared = new Comparison(cells, clients, 'scripts');
      return kinds.map(({ name, what }) => [
        `${clients === 1 ? '1 client' : `${clients} clients`}: ${what}`,
        withSpread(compared.of(name, 'perSecond')),
        asRatio(compared.inverse(name, 'perSecond')),
        `${figure(compared.of(name, 'firstP50').median)} / ${figure(compared.of(name, 'firstP99').median)}`,
      ]);
    }),
  };
}

function sharedTable(cells: readonly Cell[], kinds: readonly Kind[]): Table {
  const compared = new Comparison(cells, WANTING, 'scripts');
  return {
    title: `One record that ${WANTING} want, each for 2 ms`,
    columns: [
      '',
      'grants/s',
      'wait p50 / p99 ms',
      'longest wait ms',
      'Lastcall ×',
      'fairness (Jain)',
      'whoever had it least, times',
    ],
    rows: kinds.map(({ name, what }) => [
      what,
      withSpread(compared.of(name, 'perSecond')),
      `${figure(compared.of(name, 'p50').median)} / ${figure(compared.of(name, 'p99').median)}`,
      withSpread(compared.of(name, 'max')),
      asRatio(compared.inverse(name, 'max')),
      compared.of(name, 'fairness').median.toFixed(4),
      figure(compared.of(name, 'least').median),
    ]),
    notes: ['"Lastcall ×" is its figure as a multiple of that of the row.'],
  };
}

export const peers: Suite = {
  name: 'peers',
  about: 'locks beside redlock, ZooKeeper and etcd: throughput, and how one record is shared',
  async run(context) {
    const kinds = KINDS.filter(({ name }) => {
      const missing = missingFor(name);
      if (missing !== undefined) context.progress(`  ${name} is left out: ${missing}`);
      return missing === undefined;
    });
    const cells: Cell[] = [];
    for (const clients of SIZES) {
      cells.push(...(await inTurns(context, clients, kinds, (kind) => start(context, kind, clients, false))));
    }
    const shared = await inTurns(context, WANTING, kinds, (kind) => start(context, kind, WANTING, true));
    return { cells: [...cells, ...shared], tables: [aloneTable(cells, kinds), sharedTable(shared, kinds)] };
  },
};
