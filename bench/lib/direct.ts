import type { DirectLoad } from '../loads/direct.js';
import { type Contender, inTurns } from './compare.js';
import { assignCores } from './cores.js';
import { startRedis } from './redis-server.js';
import type { Cell, Context } from './suite.js';
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
  const { warmMs, measureMs } = context.form;
  const cores = assignCores('server');
  const redis = await startRedis(cores.redis);
  const load = startWorker<DirectLoad>('loads/direct.js', { core: cores.server });
  await load.call('prepare', { kind, redisUrl: redis.url, clients });
  await load.call('run', { clients, ms: warmMs });
  return {
    async measure() {
      const before = await redis.cpuUs();
      const { perSecond, cpuUs, count, first, whole } = await load.call('run', { clients, ms: measureMs });
      const redisUs = ((await redis.cpuUs()) - before) / count;
      return {
        perSecond,
        p50: whole.p50,
        p99: whole.p99,
        firstP50: first.p50,
        firstP99: first.p99,
        cpuUs,
        redisUs,
      };
    },
    async stop() {
      await load.stop();
      await redis.stop();
    },
  };
}
