import { setTimeout as delay } from 'node:timers/promises';
import { assignCores } from '../lib/cores.js';
import { type RedisServer, startRedis } from '../lib/redis-server.js';
import { figure, withSpread } from '../lib/report.js';
import { spreadOf } from '../lib/stats.js';
import type { Cell, Context, Suite } from '../lib/suite.js';
import { SECRET } from '../lib/tokens.js';
import { startWorker } from '../lib/worker.js';
import type { BrokerServer } from '../servers/broker.js';

const BROKERS = [1, 2] as const;
/** Long enough that each second's and each node's beat counts as often as it comes. */
const MEASURE_MS = { quick: 2_000, short: 10_000, full: 40_000 } as const;
/** Until every tenant was looked at once, and what only the start costs is over. */
const SETTLE_MS = { quick: 3_000, short: 6_000, full: 35_000 } as const;

async function scriptsRun({ observer }: RedisServer): Promise<number> {
  return Number(/cmdstat_fcall:calls=(\d+)/.exec(await observer.info('commandstats'))?.[1] ?? 0);
}

async function measure(context: Context, round: number, tenants: number, brokers: number): Promise<Cell> {
  const cores = assignCores('redis');
  const redis = await startRedis(cores.redis, { first: true });
  const names = Array.from({ length: tenants }, (_, i) => `tenant-${i}`);
  const options = { core: cores.server, nodeFlags: context.serverFlags };
  const servers = Array.from({ length: brokers }, () =>
    startWorker<BrokerServer>('servers/broker.js', options),
  );
  try {
    // As the brokers themselves keep them.
    await redis.observer.sadd('lc:{~}:tenants', names);
    await Promise.all(servers.map((one) => one.call('start', { redisUrl: redis.url, secret: SECRET })));
    await delay(SETTLE_MS[context.form.name]);
    const ms = MEASURE_MS[context.form.name];
    const [scripts, cpuUs, startedAt] = [await scriptsRun(redis), await redis.cpuUs(), performance.now()];
    await delay(ms);
    const seconds = (performance.now() - startedAt) / 1_000;
    const values = {
      scriptsPerSecond: ((await scriptsRun(redis)) - scripts) / seconds,
      cpuPercent: ((await redis.cpuUs()) - cpuUs) / seconds / 10_000,
    };
    context.progress(
      `  ${brokers} brokers, round ${round + 1}: ${figure(values.scriptsPerSecond)} scripts per second, ` +
        `${figure(values.cpuPercent)} % of a core`,
    );
    return { variant: `brokers-${brokers}`, size: tenants, round, values };
  } finally {
    await Promise.all(servers.map((one) => one.stop()));
    await redis.stop();
  }
}

export const idleTenants: Suite = {
  name: 'idle-tenants',
  about: 'what tenants cost in which nobody is',
  async run(context) {
    const tenants = context.form.name === 'quick' ? 200 : 2_000;
    const cells: Cell[] = [];
    for (let round = 0; round < context.form.rounds; round += 1) {
      for (const brokers of BROKERS) cells.push(await measure(context, round, tenants, brokers));
    }
    const of = (brokers: number, value: string): string =>
      withSpread(
        spreadOf(
          cells
            .filter(({ variant }) => variant === `brokers-${brokers}`)
            .map(({ values }) => values[value] ?? Number.NaN),
        ),
      );
    const table = {
      title: `${figure(tenants)} tenants without a session`,
      columns: ['brokers', 'scripts per second', '% of a core in Redis'],
      rows: BROKERS.map((brokers) => [
        String(brokers),
        of(brokers, 'scriptsPerSecond'),
        of(brokers, 'cpuPercent'),
      ]),
    };
    return { cells, tables: [table] };
  },
};
