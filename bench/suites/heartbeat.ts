import { setTimeout as delay } from 'node:timers/promises';
import { Comparison, type Contender, inTurns, type Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { type RedisServer, startRedis } from '../lib/redis-server.js';
import { asRatio, figure, withSpread } from '../lib/report.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { SECRET } from '../lib/tokens.js';
import { startWorker, type Worker } from '../lib/worker.js';
import type { HeartbeatLoad } from '../loads/heartbeat.js';
import type { PeerServer } from '../servers/bare.js';

interface Variant {
  readonly name: string;
  readonly file: string;
  readonly what: string;
  readonly tenants: number;
  readonly usesRedis: boolean;
}

const BARE: Variant = {
  name: 'bare',
  file: 'servers/bare.js',
  what: 'Socket.IO that only acknowledges',
  tenants: 1,
  usesRedis: false,
};
const VARIANTS: readonly Variant[] = [
  BARE,
  {
    name: 'usual',
    file: 'servers/usual.js',
    what: 'Socket.IO + `await redis.set(key, "1", "PX", ttl)`',
    tenants: 1,
    usesRedis: true,
  },
  { name: 'broker', file: 'servers/broker.js', what: 'Lastcall on Redis', tenants: 1, usesRedis: true },
];
/** Batches are per tenant: with many of them they are small. */
const MANY_TENANTS: Variant = {
  name: 'broker-tenants',
  file: 'servers/broker.js',
  what: 'Lastcall on Redis, 50 tenants',
  tenants: 50,
  usesRedis: true,
};

const SETTLE_MS = 300;

interface Bench {
  readonly server: Worker<PeerServer>;
  readonly load: Worker<HeartbeatLoad>;
  readonly redis: RedisServer;
}

/** What happened in a stretch of time. */
async function stretch({ server, load, redis }: Bench, ms: number) {
  const look = () => Promise.all([server.call('usage'), load.call('sample'), redis.cpuUs()]);
  const [server0, load0, redis0] = await look();
  await delay(ms);
  const [server1, load1, redis1] = await look();
  const beats = load1.answered - load0.answered;
  const cpuUs = (server1.cpuUs - server0.cpuUs) / beats;
  return {
    perSecond: (beats * 1_000) / (load1.atMs - load0.atMs),
    cpuUs,
    // What one processor could do: what is seen is less whenever others use the processor, too.
    perCore: 1e6 / cpuUs,
    busy: (server1.cpuUs - server0.cpuUs) / ((server1.atMs - server0.atMs) * 1_000),
    loadBusy: (load1.cpuUs - load0.cpuUs) / ((load1.atMs - load0.atMs) * 1_000),
    redisUs: (redis1 - redis0) / beats,
  };
}

async function start(context: Context, variant: Variant, clients: number): Promise<Contender> {
  const cores = assignCores('server');
  const redis = await startRedis(cores.redis);
  const server = startWorker<PeerServer>(variant.file, {
    core: cores.server,
    nodeFlags: context.serverFlags,
  });
  const load = startWorker<HeartbeatLoad>('loads/heartbeat.js', { core: cores.load });
  const { port } = await server.call('start', { redisUrl: redis.url, secret: SECRET });
  await load.call('connect', { port, clients, tenants: variant.tenants });
  await load.call('closedLoop');
  await delay(context.form.warmMs);
  await load.call('pause');
  return {
    measure: () => measure(context, variant, { server, load, redis }),
    async stop() {
      await Promise.all([load.stop(), server.stop()]);
      await redis.stop();
    },
  };
}

async function measure(context: Context, variant: Variant, bench: Bench): Promise<Values> {
  const { load } = bench;
  const { measureMs } = context.form;
  await load.call('closedLoop');
  await delay(SETTLE_MS);
  const most = await stretch(bench, measureMs);
  await load.call('pause');
  await delay(SETTLE_MS);
  await load.call('openLoop', { perSecond: most.perCore / 2 });
  await delay(SETTLE_MS);
  await load.call('clear');
  const half = await stretch(bench, measureMs);
  const latency = await load.call('latency');
  await load.call('pause');
  await delay(SETTLE_MS);
  const { refused, overrun, lost } = await load.call('sample');
  if (refused > 0 || lost > 0)
    throw new Error(`${variant.name}: ${refused} refused, ${lost} connections lost`);
  const { redisUs, ...atMost } = most;
  return {
    ...atMost,
    halfPerSecond: half.perSecond,
    halfCpuUs: half.cpuUs,
    p50: latency.p50,
    p99: latency.p99,
    overrun,
    ...(variant.usesRedis ? { redisUs, halfRedisUs: half.redisUs } : {}),
  };
}

function tableOf(cells: readonly Cell[], variants: readonly Variant[], clients: number): Table {
  const compared = new Comparison(cells, clients, BARE.name);
  const rows = variants.map(({ name, what }) => [
    what,
    withSpread(compared.of(name, 'perCore')),
    asRatio(compared.ratio(name, 'perCore')),
    withSpread(compared.of(name, 'cpuUs')),
    `${withSpread(compared.of(name, 'perSecond'))} at ${figure(compared.of(name, 'busy').median * 100)} %`,
    `${figure(compared.of(name, 'redisUs').median)} / ${figure(compared.of(name, 'halfRedisUs').median)}`,
    withSpread(compared.of(name, 'p50')),
    withSpread(compared.of(name, 'p99')),
  ]);
  return {
    title: `${clients} clients`,
    columns: [
      '',
      'heartbeats/s per core',
      '× bare',
      'server CPU, ms per 1 000',
      'heartbeats/s seen, and how busy the server was',
      'Redis CPU, ms per 1 000: at the limit / at half',
      'p50 ms at half',
      'p99 ms at half',
    ],
    rows,
  };
}

export const heartbeat: Suite = {
  name: 'heartbeat',
  about: 'heartbeats a second at the limit of one server process, and latency at half of that',
  async run(context) {
    const { form } = context;
    const sizes = form.name === 'quick' ? [50] : [200, 1_000];
    const variants = form.name === 'full' ? [...VARIANTS, MANY_TENANTS] : VARIANTS;
    const cells: Cell[] = [];
    for (const clients of sizes) {
      cells.push(
        ...(await inTurns(context, clients, variants, (variant) => start(context, variant, clients))),
      );
    }
    return { cells, tables: sizes.map((clients) => tableOf(cells, variants, clients)) };
  },
};
