import { command } from './command.js';
import { type RedisServer, startRedis, waitFor } from './redis.js';

const SLOTS = 16_384;
const KEYS_AT_ONCE = 20;
const MIGRATE_LIMIT_MS = 5_000;

/** A cluster of several primaries, whose slots can be moved while it works. */
export interface RedisCluster {
  /** `redis+cluster://…` */
  readonly url: string;
  readonly servers: readonly RedisServer[];
  /** The slot of a key, and which server has it. */
  ownerOf(key: string): Promise<{ slot: number; owner: RedisServer }>;
  /**
   * Moves a slot the way operators' tools do, some keys at a time.
   * @param meanwhile runs when some keys have moved and others have not, and when all have but it is not said yet
   */
  move(slot: number, from: RedisServer, to: RedisServer, meanwhile?: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

const startNode = (): Promise<RedisServer> =>
  startRedis({ cluster: 'joining', config: { 'cluster-node-timeout': '2000' } });

async function join(servers: readonly RedisServer[], empty: number): Promise<void> {
  const owners = servers.slice(0, servers.length - empty);
  const share = Math.ceil(SLOTS / owners.length);
  for (const [i, { port }] of owners.entries()) {
    const last = Math.min(SLOTS, (i + 1) * share) - 1;
    await command(port, 'CLUSTER', 'ADDSLOTSRANGE', String(i * share), String(last));
    await command(port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
  }
  const [first, ...others] = servers as [RedisServer, ...RedisServer[]];
  const bus = await command(first.port, 'CONFIG', 'GET', 'cluster-port');
  const busPort = String((bus as string[])[1]);
  for (const { port } of others) {
    await command(port, 'CLUSTER', 'MEET', '127.0.0.1', String(first.port), busPort);
  }
  const isWhole = async ({ port }: RedisServer): Promise<boolean> => {
    const info = String(await command(port, 'CLUSTER', 'INFO'));
    return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${servers.length}`);
  };
  await waitFor(async () => (await Promise.all(servers.map(isWhole))).every(Boolean), 'the cluster', 20_000);
}

/** Starts `size` primaries that share the slots, and some that have none. */
export async function startCluster(size: number, empty = 0): Promise<RedisCluster> {
  const servers = await Promise.all(Array.from({ length: size + empty }, startNode));
  await join(servers, empty);
  const idOf = async ({ port }: RedisServer): Promise<string> =>
    String(await command(port, 'CLUSTER', 'MYID'));
  const ids = await Promise.all(servers.map(idOf));
  const nameOf = (server: RedisServer): string => ids[servers.indexOf(server)] as string;

  return {
    url: `redis+cluster://${servers
      .slice(0, size)
      .map(({ port }) => `127.0.0.1:${port}`)
      .join(',')}`,
    servers,
    async ownerOf(key) {
      const [asked] = servers as [RedisServer];
      const slot = Number(await command(asked.port, 'CLUSTER', 'KEYSLOT', key));
      const rows = (await command(asked.port, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
      const row = rows.find(([low, high]) => low <= slot && slot <= high);
      const owner = servers.find(({ port }) => port === row?.[2][1]);
      if (!owner) throw new Error(`nobody has slot ${slot}`);
      return { slot, owner };
    },
    async move(slot, from, to, meanwhile) {
      const number = String(slot);
      await command(to.port, 'CLUSTER', 'SETSLOT', number, 'IMPORTING', nameOf(from));
      await command(from.port, 'CLUSTER', 'SETSLOT', number, 'MIGRATING', nameOf(to));
      for (let half = meanwhile; ; half = undefined) {
        const count = String(KEYS_AT_ONCE);
        const keys = (await command(from.port, 'CLUSTER', 'GETKEYSINSLOT', number, count)) as string[];
        if (keys.length === 0) break;
        const moved = half ? keys.slice(0, Math.ceil(keys.length / 2)) : keys;
        const there = ['127.0.0.1', String(to.port), '', '0', String(MIGRATE_LIMIT_MS)];
        await command(from.port, 'MIGRATE', ...there, 'KEYS', ...moved);
        await half?.();
      }
      await meanwhile?.();
      for (const server of [to, from, ...servers.filter((one) => one !== to && one !== from)]) {
        await command(server.port, 'CLUSTER', 'SETSLOT', number, 'NODE', nameOf(to));
      }
    },
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}
