import type { DirectLoad } from '../loads/direct.js';
import { inTurns } from './compare.js';
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
  const { warmMs, measureMs } = context.form;
  const cores = assignCores('server');
  return inTurns(context, clients, kinds, async ({ name }) => {
    const redis = await startRedis(cores.redis);
    const load = startWorker<DirectLoad>('loads/direct.js', { core: cores.server });
    try {
      await load.call('prepare', { kind: name, redisUrl: redis.url, clients });
      await load.call('run', { clients, ms: warmMs });
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
    } finally {
      await load.stop();
      await redis.stop();
    }
  });
}
