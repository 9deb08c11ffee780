import { setTimeout as delay } from 'node:timers/promises';
import type { Order } from '@lastcall/shared';
import { Api } from '../lib/api.js';
import { Comparison, type Contender, inTurns, type Values } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { until } from '../lib/pool.js';
import { startRedis } from '../lib/redis-server.js';
import { asRatio, withSpread } from '../lib/report.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { SECRET, tokenFor } from '../lib/tokens.js';
import { startWorker } from '../lib/worker.js';
import type { Audience } from '../loads/audience.js';
import type { Announcer } from '../servers/announcer.js';
import type { BrokerServer } from '../servers/broker.js';

const TENANT = 'bench';
const ORDERS = `/v1/tenants/${TENANT}/orders`;
const SIZES = { quick: 50, short: 2_000, full: 10_000 } as const;
const SETTLE_MS = 300;

interface Variant {
  readonly name: string;
  readonly what: string;
  readonly nodes: 1 | 2;
  readonly kind: 'raw' | 'socket.io' | 'broker';
  /** Everybody acknowledges. Orders of Lastcall always ask for that. */
  readonly asks: boolean;
  /** Everybody is logged off. */
  readonly ends?: boolean;
}

const RAW: Variant = { name: 'raw', what: '`ws`, a loop of `send`', nodes: 1, kind: 'raw', asks: false };
const ACKS: Variant = {
  name: 'acks',
  what: '`io.timeout().emitWithAck`',
  nodes: 1,
  kind: 'socket.io',
  asks: true,
};
const VARIANTS: readonly Variant[] = [
  RAW,
  { name: 'emit', what: '`io.emit`', nodes: 1, kind: 'socket.io', asks: false },
  ACKS,
  { name: 'order', what: 'Lastcall: an order, a receipt for each', nodes: 1, kind: 'broker', asks: true },
  {
    name: 'logoff',
    what: 'Lastcall: everybody logged off, every receipt verified',
    nodes: 1,
    kind: 'broker',
    asks: true,
    ends: true,
  },
  {
    name: 'adapter',
    what: '`io.emit` with @socket.io/redis-adapter',
    nodes: 2,
    kind: 'socket.io',
    asks: false,
  },
  { name: 'order-2', what: 'Lastcall: an order, a receipt for each', nodes: 2, kind: 'broker', asks: true },
];

const now = (): number => performance.timeOrigin + performance.now();

/** Tells everybody; resolves when all who were asked have acknowledged. */
type Tell = () => Promise<void>;

async function startServers(
  { kind, nodes, asks, ends = false }: Variant,
  redisUrl: string,
  context: Context,
  core: number | undefined,
) {
  const file = kind === 'broker' ? 'servers/broker.js' : 'servers/announcer.js';
  const workers = Array.from({ length: nodes }, () =>
    startWorker<Announcer & BrokerServer>(file, { core, nodeFlags: context.serverFlags }),
  );
  const ports: number[] = [];
  for (const worker of workers) {
    const options =
      kind === 'broker' ? { redisUrl, secret: SECRET } : { kind, ...(nodes > 1 ? { redisUrl } : {}) };
    ports.push((await worker.call('start', options as never)).port);
  }
  const [first] = workers;
  const tell: Tell =
    kind === 'broker'
      ? await orderBy(ports[0] as number, ends)
      : () => (first as (typeof workers)[number]).call('announce', { asks });
  return { workers, ports, tell };
}

/** An order to everybody: until every receipt says that it was delivered, and then its end; or that it is verified. */
async function orderBy(port: number, ends: boolean): Promise<Tell> {
  const api = new Api(port, await tokenFor(TENANT, 'root', ['admin']));
  return async () => {
    const order = await api.call<Order>('POST', ORDERS, {
      action: 'logoff',
      target: { all: true },
      reason: 'admin',
      ...(ends ? { graceMs: 0, holdMs: 0 } : { graceMs: 600_000 }),
      message: 'Maintenance begins in ten minutes. Please save your work.',
    });
    const path = `${ORDERS}/${order.id}`;
    await until('every receipt', async () => {
      const { counts } = await api.call<Order>('GET', path);
      return counts.targeted > 0 && (ends ? counts.verified : counts.delivered) === counts.targeted;
    });
    if (!ends) await api.call('DELETE', path);
  };
}

async function start(context: Context, variant: Variant, clients: number): Promise<Contender> {
  const cores = assignCores('server');
  const redis = await startRedis(cores.redis);
  const { workers, ports, tell } = await startServers(variant, redis.url, context, cores.server);
  const load = startWorker<Audience>('loads/audience.js', { core: cores.load });
  const join = () => load.call('join', { ports, tenant: TENANT, clients });
  await join();
  const measure = async (): Promise<Values> => {
    await load.call('listen', { news: variant.ends ? 'logoff' : 'warning' });
    await Promise.all(workers.map((worker) => worker.call('longestBlock')));
    const lastTold = load.call('lastToldAt');
    const startedAt = now();
    const [lastAt, doneAt] = await Promise.all([lastTold, tell().then(now)]);
    await delay(SETTLE_MS);
    const blocks = await Promise.all(workers.map((worker) => worker.call('longestBlock')));
    if (variant.ends) await join();
    const values = { lastMs: lastAt - startedAt, blockMs: Math.max(...blocks) };
    return variant.asks ? { ...values, doneMs: doneAt - startedAt } : values;
  };
  await measure();
  return {
    measure,
    async stop() {
      await Promise.all([load, ...workers].map((worker) => worker.stop()));
      await redis.stop();
    },
  };
}

function tableOf(cells: readonly Cell[], clients: number): Table {
  const compared = new Comparison(cells, clients, RAW.name);
  const acknowledged = new Comparison(cells, clients, ACKS.name);
  return {
    title: `"Save your work" to ${clients} people`,
    columns: [
      '',
      'the last one is told, ms',
      '× `ws` loop',
      'everybody acknowledged, ms',
      '× `io.emit` + acks',
      'longest block of the event loop, ms',
    ],
    rows: VARIANTS.map(({ name, what, nodes }) => [
      `${nodes === 1 ? '1 node' : '2 nodes'}: ${what}`,
      withSpread(compared.of(name, 'lastMs')),
      asRatio(compared.ratio(name, 'lastMs')),
      withSpread(compared.of(name, 'doneMs')),
      asRatio(acknowledged.ratio(name, 'doneMs')),
      withSpread(compared.of(name, 'blockMs')),
    ]),
    notes: [
      'Two nodes share one processor here. For Lastcall acknowledged means: noted in the receipts, and read from them; ' +
        'at a logoff, that every session has ended, its socket is closed, and its receipt says so.',
    ],
  };
}

export const broadcast: Suite = {
  name: 'broadcast',
  about: 'a warning to everybody: until the last one is told, until all have acknowledged it',
  async run(context) {
    const clients = Number(process.env['SESSIONS'] ?? SIZES[context.form.name]);
    const cells = await inTurns(context, clients, VARIANTS, (variant) => start(context, variant, clients));
    return { cells, tables: [tableOf(cells, clients)] };
  },
};
