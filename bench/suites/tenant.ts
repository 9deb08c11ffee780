import { Api } from '../lib/api.js';
import { assignCores } from '../lib/cores.js';
import { pingsDuring } from '../lib/pings.js';
import { startRedis } from '../lib/redis-server.js';
import { figure, withSpread } from '../lib/report.js';
import { type ScriptTime, ScriptTimes } from '../lib/script-times.js';
import { spreadOf } from '../lib/stats.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { SECRET, tokenFor } from '../lib/tokens.js';
import { startWorker } from '../lib/worker.js';
import type { Crowd } from '../loads/crowd.js';
import type { BrokerServer } from '../servers/broker.js';
import { PHASES, type Scene, TENANT, type Values } from './tenant-phases.js';

async function playRound(
  context: Context,
  round: number,
  sizes: { sessions: number; clients: number },
): Promise<Cell[]> {
  const cores = assignCores('redis');
  const redis = await startRedis(cores.redis, { first: true });
  const server = startWorker<BrokerServer>('servers/broker.js', {
    core: cores.server,
    nodeFlags: context.serverFlags,
  });
  const crowd = startWorker<Crowd>('loads/crowd.js', { core: cores.load });
  try {
    const { port } = await server.call('start', { redisUrl: redis.url, secret: SECRET });
    await crowd.call('prepare', { redisUrl: redis.url, tenant: TENANT });
    const api = new Api(port, await tokenFor(TENANT, 'root', ['admin']));
    const scene: Scene = { redis, crowd, api, port, ...sizes };
    const times = await ScriptTimes.of(redis.observer);
    const cells: Cell[] = [];
    for (const phase of PHASES) {
      await phase.prepare?.(scene);
      await server.call('longestBlock');
      let values: Values = {};
      const { scripts, heldMs } = await times.during(async () => {
        const pings = await pingsDuring(redis.url, async () => {
          values = await phase.run(scene);
        });
        values = { ...values, pingP99: pings.p99, longestPing: pings.max };
      });
      const longestBlockMs = await server.call('longestBlock');
      context.progress(`  ${phase.name}, round ${round + 1}: ${describe(values, scripts)}`);
      cells.push({
        variant: phase.name,
        size: sizes.sessions,
        round,
        values: { ...values, longestBlockMs, heldMs, ...flat(scripts) },
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
    scripts.flatMap(({ script, ...times }) =>
      Object.entries(times).map(([name, ms]) => [`${script}/${name}`, ms]),
    ),
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
  const rows = PHASES.filter(({ name }) => name !== 'list').map(({ name, what }) => {
    const of = (value: string): string => withSpread(spreadOf(over(cells, name, value)));
    const heldMs = over(cells, name, 'heldMs').map((ms) => (ms * 1_000) / sessions);
    return [
      `${name}: ${what}`,
      of('lastToldMs'),
      of('tookMs'),
      of('doneMs'),
      withSpread(spreadOf(heldMs)),
      of('pingP99'),
      of('longestPing'),
      of('longestBlockMs'),
    ];
  });
  return {
    title: 'What is done to all of them',
    columns: [
      '',
      'last connected client told, ms',
      'all done, ms',
      'every receipt decided, ms',
      'Redis held by scripts, ms per 1 000 sessions',
      'a `PING` of another client meanwhile, p99 ms',
      'longest',
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
    columns: ['', 'calls over 0.1 ms', 'p50 of those, ms', 'p99 of those, ms', 'worst ms'],
    rows,
    notes: [
      "By Redis' own slow log; median, smallest and largest of the rounds. Plain commands (GET, HSET …), by themselves " +
        'or within scripts, take a few µs: one that took longer was interrupted by the machine, and so were scripts.',
    ],
  };
}
