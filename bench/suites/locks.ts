import { Comparison, type Contender, inTurns } from '../lib/compare.js';
import { assignCores } from '../lib/cores.js';
import { compareDirectly, measureGoes } from '../lib/direct.js';
import { startRedis } from '../lib/redis-server.js';
import { asRatio, figure, withSpread } from '../lib/report.js';
import type { Cell, Context, Suite, Table } from '../lib/suite.js';
import { SECRET } from '../lib/tokens.js';
import type { Usage } from '../lib/usage.js';
import { startWorker } from '../lib/worker.js';
import type { SocketLocksLoad } from '../loads/socket-locks.js';
import type { PeerServer } from '../servers/bare.js';

const DIRECT = [
  { name: 'set-nx', what: '`SET NX PX` + compare-and-delete' },
  { name: 'scripts', what: 'the lock scripts: session, queue, fence, audit record' },
] as const;
const BY_SOCKET = [
  { name: 'usual', file: 'servers/usual.js', what: 'Socket.IO + `SET NX PX` + compare-and-delete' },
  { name: 'broker', file: 'servers/broker.js', what: 'Lastcall' },
  { name: 'embedded', file: 'servers/broker.js', what: 'Lastcall on its own engine' },
] as const;

async function cpuOf(worker: { call(name: 'usage'): Promise<Usage> }): Promise<number> {
  return (await worker.call('usage')).cpuUs;
}

async function startBySocket(
  context: Context,
  name: string,
  file: string,
  clients: number,
): Promise<Contender> {
  const cores = assignCores('server');
  const redis = await startRedis(cores.redis);
  const server = startWorker<PeerServer>(file, { core: cores.server, nodeFlags: context.serverFlags });
  const load = startWorker<SocketLocksLoad>('loads/socket-locks.js', { core: cores.load });
  const { port } = await server.call('start', {
    redisUrl: name === 'embedded' ? undefined : redis.url,
    secret: SECRET,
  });
  await load.call('connect', { port, clients });
  await load.call('run', { ms: context.form.warmMs });
  return {
    measure: () =>
      measureGoes(
        context,
        load,
        () => cpuOf(server),
        redis,
        () => cpuOf(load),
      ),
    async stop() {
      await Promise.all([load.stop(), server.stop()]);
      await redis.stop();
    },
  };
}

function tableOf(
  title: string,
  cells: readonly Cell[],
  sizes: readonly number[],
  variants: readonly { readonly name: string; readonly what: string }[],
  processor: string,
): Table {
  const base = variants[0]?.name ?? '';
  const rows = sizes.flatMap((clients) => {
    const compared = new Comparison(cells, clients, base);
    return variants.map(({ name, what }) => [
      `${clients === 1 ? '1 client' : `${clients} clients`}: ${what}`,
      withSpread(compared.of(name, 'perSecond')),
      asRatio(compared.ratio(name, 'perSecond')),
      `${figure(compared.of(name, 'firstP50').median)} / ${figure(compared.of(name, 'firstP99').median)}`,
      asRatio(compared.ratio(name, 'firstP50')),
      asRatio(compared.ratio(name, 'firstP99')),
      `${figure(compared.of(name, 'p50').median)} / ${figure(compared.of(name, 'p99').median)}`,
      figure(compared.of(name, 'cpuUs').median),
      figure(compared.of(name, 'redisUs').median),
    ]);
  });
  return {
    title,
    columns: [
      '',
      'pairs/s',
      '×',
      'acquire p50 / p99 ms',
      '× p50',
      '× p99',
      'acquire + release p50 / p99 ms',
      `${processor} CPU µs per pair`,
      'Redis CPU µs per pair',
    ],
    rows,
  };
}

export const locks: Suite = {
  name: 'locks',
  about: 'taking and giving back a lock nobody else wants, beside `SET NX PX` and compare-and-delete',
  async run(context) {
    const sizes = [1, 16];
    const socketSizes = context.form.name === 'full' ? [...sizes, 500] : sizes;
    const direct: Cell[] = [];
    const bySocket: Cell[] = [];
    for (const clients of sizes) direct.push(...(await compareDirectly(context, clients, DIRECT)));
    for (const clients of socketSizes) {
      bySocket.push(
        ...(await inTurns(context, clients, BY_SOCKET, ({ name, file }) =>
          startBySocket(context, name, file, clients),
        )),
      );
    }
    return {
      cells: [...direct, ...bySocket],
      tables: [
        tableOf('Directly on Redis', direct, sizes, DIRECT, 'client'),
        tableOf('Through a socket', bySocket, socketSizes, BY_SOCKET, 'server'),
      ],
    };
  },
};
