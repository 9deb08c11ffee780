import { Comparison, oneByOne, type Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { startRedis } from '../lib/redis-server.js';
import { asRatio, withSpread } from '../lib/report.js';
import type { Context, Suite } from '../lib/suite.js';
import { SECRET } from '../lib/tokens.js';
import { startWorker } from '../lib/worker.js';
import type { HeartbeatLoad } from '../loads/heartbeat.js';
import type { PeerServer } from '../servers/bare.js';

const BARE = 'bare';
const VARIANTS = [
  { name: BARE, file: 'servers/bare.js', what: 'Socket.IO, a connection' },
  { name: 'raw', file: 'servers/raw-ws.js', what: '`ws`, a connection' },
  { name: 'broker', file: 'servers/broker.js', what: 'Lastcall, a session' },
] as const;
const SIZES = { quick: 200, short: 3_000, full: 8_000 } as const;

/** What connections that only are there take of their server, and what opening them took. */
async function weigh(context: Context, file: string, clients: number): Promise<Values> {
  const cores = assignCores('server');
  const redis = await startRedis(cores.redis);
  const nodeFlags = ['--expose-gc', ...context.serverFlags];
  const server = startWorker<PeerServer>(file, { core: cores.server, nodeFlags });
  const load = startWorker<HeartbeatLoad>('loads/heartbeat.js', { core: cores.load });
  try {
    const { port } = await server.call('start', { redisUrl: redis.url, secret: SECRET });
    // What is made once is made with the first of them.
    await load.call('connect', { port, clients: 20, tenants: 1 });
    const heapBefore = await server.call('heapBytes');
    const before = await server.call('usage');
    const redisBefore = await redis.memoryBytes();
    await load.call('connect', { port, clients, tenants: 1 });
    const after = await server.call('usage');
    const heapAfter = await server.call('heapBytes');
    return {
      heap: (heapAfter - heapBefore) / clients,
      rss: (after.rssBytes - before.rssBytes) / clients,
      cpuUs: (after.cpuUs - before.cpuUs) / clients,
      redis: ((await redis.memoryBytes()) - redisBefore) / clients,
    };
  } finally {
    await Promise.all([load.stop(), server.stop()]);
    await redis.stop();
  }
}

export const memory: Suite = {
  name: 'memory',
  about: 'what a connection takes of its server',
  async run(context) {
    const clients = SIZES[context.form.name];
    const cells = await oneByOne(context, clients, VARIANTS, ({ file }) => weigh(context, file, clients));
    const compared = new Comparison(cells, clients, BARE);
    const rows = VARIANTS.map(({ name, what }) => [
      what,
      withSpread(compared.of(name, 'heap')),
      asRatio(compared.ratio(name, 'heap')),
      withSpread(compared.of(name, 'rss')),
      withSpread(compared.of(name, 'cpuUs')),
      withSpread(compared.of(name, 'redis')),
    ]);
    const columns = [
      '',
      'bytes of heap',
      '×',
      'bytes of the process (RSS)',
      'server CPU µs to open it',
      'bytes of Redis',
    ];
    return { cells, tables: [{ title: `${clients} connections`, columns, rows }] };
  },
};
