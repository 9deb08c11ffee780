import type { DirectLoad } from '../loads/direct.js';
import { type Contender, inTurns, type Values } from './compare.js';
import { assignCores } from './cores.js';
import { type Gone, summarize } from './goes.js';
import { type RedisServer, startRedis } from './redis-server.js';
import type { Cell, Context } from './suite.js';
import { undisturbed } from './undisturbed.js';
import { startWorker } from './worker.js';

/** Compares what clients do directly on Redis, in turn; `firstP50` and `firstP99` are of the first command of a go. */
export function compareDirectly(
  context: Context,
  clients: number,
  kinds: readonly { readonly name: string }[],
): Promise<Cell[]> {
  return inTurns(context, clients, kinds, ({ name }) => start(context, name, clients));
}

async function start(context: Context, kind: string, clients: number): Promise<Contender> {
  const cores = assignCores('server');
  const redis = await startRedis(cores.redis);
  const load = startWorker<DirectLoad>('loads/direct.js', { core: cores.server });
  await load.call('prepare', { kind, redisUrl: redis.url, clients });
  await load.call('run', { ms: context.form.warmMs });
  return {
    measure: () => measureGoes(context, load, async () => (await load.call('usage')).cpuUs, redis),
    async stop() {
      await load.stop();
      await redis.stop();
    },
  };
}

/** Lets a load go; `cpuUs` is what each go cost whom it is about: the client, or the server between. */
export async function measureGoes(
  context: Context,
  load: { call(name: 'run', argument: { ms: number }): Promise<Gone> },
  cpuUs: () => Promise<number>,
  redis: RedisServer,
  others: () => Promise<number> = () => Promise.resolve(0),
): Promise<Values> {
  const look = () => Promise.all([cpuUs(), redis.cpuUs()]);
  const all = async (): Promise<number> => (await cpuUs()) + (await redis.cpuUs()) + (await others());
  const found = await undisturbed(context.form, all, async (ms) => {
    const [cpu0, redis0] = await look();
    const gone = await load.call('run', { ms });
    const [cpu1, redis1] = await look();
    return { ...gone, cpuUs: cpu1 - cpu0, redisUs: redis1 - redis0 };
  });
  const { perSecond, first, whole } = summarize(found.slices);
  const per = (key: 'cpuUs' | 'redisUs'): number =>
    found.slices.reduce((total, slice) => total + slice[key], 0) / whole.count;
  return {
    perSecond,
    p50: whole.p50,
    p99: whole.p99,
    firstP50: first.p50,
    firstP99: first.p99,
    cpuUs: per('cpuUs'),
    redisUs: per('redisUs'),
    others: found.others,
  };
}
