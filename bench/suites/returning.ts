import { Comparison, oneByOne, type Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { startRedis } from '../lib/redis-server.js';
import { asRatio, figure, withSpread } from '../lib/report.js';
import type { Context, Suite } from '../lib/suite.js';
import { SECRET } from '../lib/tokens.js';
import { startWorker } from '../lib/worker.js';
import type { Comers } from '../loads/comers.js';
import type { BrokerServer } from '../servers/broker.js';

const BARE = 'bare';
const RAW = 'raw';
const VARIANTS = [
  { name: BARE, file: 'servers/bare.js', what: 'Socket.IO: a connection' },
  { name: RAW, file: 'servers/raw-ws.js', what: '`ws`: a connection' },
  {
    name: 'broker',
    file: 'servers/broker.js',
    what: 'Lastcall: token checked, session resumed, its lock told of',
  },
] as const;
const SIZES = { quick: 100, short: 2_000, full: 5_000 } as const;

/** The server of all of them is killed; they come to another one as fast as it takes them. */
async function play(context: Context, { name, file }: (typeof VARIANTS)[number]): Promise<Values> {
  const clients = SIZES[context.form.name];
  const isBroker = name === 'broker';
  const cores = assignCores('server');
  const redis = await startRedis(cores.redis);
  const options = { nodeFlags: context.serverFlags };
  const doomed = startWorker<BrokerServer>(file, { ...options, core: cores.load });
  const survivor = startWorker<BrokerServer>(file, { ...options, core: cores.server });
  const load = startWorker<Comers>('loads/comers.js', { core: cores.load });
  try {
    const start = { redisUrl: redis.url, secret: SECRET };
    const first = await doomed.call('start', start);
    const { port } = await survivor.call('start', start);
    await load.call('come', { port: first.port, clients, isBroker });
    // A broker that stops in good order would send its clients away.
    await (isBroker ? doomed.call('die').catch(() => undefined) : doomed.stop());
    const [before, redisBefore] = [await survivor.call('usage'), await redis.cpuUs()];
    const { tookMs } = await load.call('comeBack', { port, isBroker });
    const after = await survivor.call('usage');
    return {
      tookMs,
      cpuUs: (after.cpuUs - before.cpuUs) / clients,
      redisUs: ((await redis.cpuUs()) - redisBefore) / clients,
    };
  } finally {
    await Promise.all([load.stop(), survivor.stop(), doomed.stop()]);
    await redis.stop();
  }
}

export const returning: Suite = {
  name: 'returning',
  about: 'what it takes a server to take back all clients of one that is gone, beside bare connections',
  async run(context) {
    const clients = SIZES[context.form.name];
    const cells = await oneByOne(context, clients, VARIANTS, (variant) => play(context, variant));
    const toBare = new Comparison(cells, clients, BARE);
    const toRaw = new Comparison(cells, clients, RAW);
    const rows = VARIANTS.map(({ name, what }) => [
      what,
      withSpread(toBare.of(name, 'tookMs')),
      asRatio(toBare.ratio(name, 'tookMs')),
      asRatio(toRaw.ratio(name, 'tookMs')),
      withSpread(toBare.of(name, 'cpuUs')),
      asRatio(toBare.ratio(name, 'cpuUs')),
      withSpread(toBare.of(name, 'redisUs')),
    ]);
    const columns = [
      '',
      'all are back, ms',
      '× bare',
      '× `ws`',
      'server CPU µs each',
      '× bare',
      'Redis CPU µs each',
    ];
    return { cells, tables: [{ title: `${figure(clients)} clients, 64 at once`, columns, rows }] };
  },
};
