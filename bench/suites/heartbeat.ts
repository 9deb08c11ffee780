import { setTimeout as delay } from 'node:timers/promises';
import { Comparison, type Contender, inTurns, type Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { type RedisServer, startRedis } from '../lib/redis-server.js';
import { asRatio, figure, withSpread } from '../lib/report.js';
import { latencyOf } from '../lib/stats.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { SECRET } from '../lib/tokens.js';
import { rises, total, undisturbed } from '../lib/undisturbed.js';
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
    name: 'raw',
    file: 'servers/raw-ws.js',
    what: '`ws` alone: JSON read, JSON answered',
    tenants: 1,
    usesRedis: false,
  },
  {
    name: 'usual',
    file: 'servers/usual.js',
    what: 'Socket.IO + `await redis.set(key, "1", "PX", ttl)`',
    tenants: 1,
    usesRedis: true,
  },
  { name: 'broker', file: 'servers/broker.js', what: 'Lastcall on Redis', tenants: 1, usesRedis: true },
];
/** The engine runs in a thread of the broker: its processor time is the broker's. */
const EMBEDDED: Variant = {
  name: 'embedded',
  file: 'servers/broker.js',
  what: 'Lastcall on its own engine',
  tenants: 1,
  usesRedis: false,
};
/** Batches are per tenant: with many of them they are small. */
const MANY_TENANTS: Variant = {
  name: 'broker-tenants',
  file: 'servers/broker.js',
  what: 'Lastcall on Redis, 50 tenants',
  tenants: 50,
  usesRedis: true,
};

const SETTLE_MS = 300;
const SIZES = { quick: [50], short: [200, 1_000], full: [200, 1_000, 5_000] } as const;

interface Bench {
  readonly server: Worker<PeerServer>;
  readonly load: Worker<HeartbeatLoad>;
  readonly redis: RedisServer;
}

/** Adds up what happens while clients beat, and the latencies of it. */
async function stretch(context: Context, { server, load, redis }: Bench) {
  const look = async () => {
    const [ofServer, ofLoad, redisUs] = await Promise.all([
      server.call('usage'),
      load.call('sample'),
      redis.cpuUs(),
    ]);
    return {
      beats: ofLoad.answered,
      ms: ofServer.atMs,
      serverUs: ofServer.cpuUs,
      loadUs: ofLoad.cpuUs,
      redisUs,
    };
  };
  const all = async (): Promise<number> => {
    const { serverUs, loadUs, redisUs } = await look();
    return serverUs + loadUs + redisUs;
  };
  const { slices, others } = await undisturbed(context.form, all, async (ms) => {
    await load.call('latencies');
    return { rose: await rises(look, ms), latencies: await load.call('latencies') };
  });
  const rose = total(slices.map((slice) => slice.rose));
  const cpuUs = rose.serverUs / rose.beats;
  return {
    perSecond: (rose.beats * 1_000) / rose.ms,
    cpuUs,
    // What one processor could do: what is seen is less whenever others use the processor, too.
    perCore: 1e6 / cpuUs,
    busy: rose.serverUs / (rose.ms * 1_000),
    loadBusy: rose.loadUs / (rose.ms * 1_000),
    redisUs: rose.redisUs / rose.beats,
    others,
    latency: latencyOf(slices.flatMap(({ latencies }) => latencies)),
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
  const { port } = await server.call('start', {
    redisUrl: variant.name === EMBEDDED.name ? undefined : redis.url,
    secret: SECRET,
  });
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
  await load.call('closedLoop');
  await delay(SETTLE_MS);
  const { latency: _atMost, redisUs, ...most } = await stretch(context, bench);
  await load.call('pause');
  await delay(SETTLE_MS);
  await load.call('openLoop', { perSecond: most.perCore / 2 });
  await delay(SETTLE_MS);
  const half = await stretch(context, bench);
  await load.call('pause');
  await delay(SETTLE_MS);
  const { refused, overrun, lost } = await load.call('sample');
  if (refused > 0 || lost > 0)
    throw new Error(`${variant.name}: ${refused} refused, ${lost} connections lost`);
  return {
    ...most,
    halfPerSecond: half.perSecond,
    halfCpuUs: half.cpuUs,
    halfOthers: half.others,
    p50: half.latency.p50,
    p99: half.latency.p99,
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
    const asked = process.env['SESSIONS'];
    const sizes: readonly number[] = asked === undefined ? SIZES[form.name] : [Number(asked)];
    const variants = form.name === 'full' ? [...VARIANTS, EMBEDDED, MANY_TENANTS] : VARIANTS;
    const cells: Cell[] = [];
    for (const clients of sizes) {
      cells.push(
        ...(await inTurns(context, clients, variants, (variant) => start(context, variant, clients))),
      );
    }
    return { cells, tables: sizes.map((clients) => tableOf(cells, variants, clients)) };
  },
};
