import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from './command.js';
import { freePort, type RedisServer, startRedis, waitFor } from './redis.js';

const NAME = 'primary';
const SENTINELS = 3;
const DOWN_AFTER_MS = 1_000;
const FAIL_OVER_LIMIT_MS = 30_000;

/** A primary with two replicas, watched by three sentinels. */
export interface Sentinels {
  /** `redis+sentinel://…` */
  readonly url: string;
  readonly servers: readonly RedisServer[];
  /** The one the sentinels call the primary. */
  primary(): Promise<RedisServer>;
  /** Resolves when the primary has at least one replica in step, so that it takes writes. */
  settled(replicas?: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one sentinel that watches the primary at a port. */
export async function startSentinel(
  dir: string,
  index: number,
  primaryPort: number,
): Promise<[ChildProcess, number]> {
  const port = await freePort();
  const file = join(dir, `sentinel-${index}.conf`);
  writeFileSync(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${dir}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${primaryPort} 2`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${NAME} 3000`,
      `sentinel parallel-syncs ${NAME} 2`,
    ].join('\n'),
  );
  const child = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
  process.once('exit', () => child.kill('SIGKILL'));
  return [child, port];
}

/** Starts them all; a primary that has no replica in step refuses writes. */
export async function startSentinels(): Promise<Sentinels> {
  const config = {
    'min-replicas-to-write': '1',
    'min-replicas-max-lag': '1',
    'repl-diskless-sync-delay': '0',
    'repl-ping-replica-period': '1',
  };
  const first = await startRedis({ config });
  const followers = await Promise.all(
    [1, 2].map(() => startRedis({ config: { ...config, replicaof: `127.0.0.1 ${first.port}` } })),
  );
  const servers = [first, ...followers];
  const dir = mkdtempSync(join(tmpdir(), 'lastcall-sentinel-'));
  const started = await Promise.all(
    Array.from({ length: SENTINELS }, (_, i) => startSentinel(dir, i, first.port)),
  );
  const ports = started.map(([, port]) => port);
  const [askedPort = 0] = ports;

  const primary = async (): Promise<RedisServer> => {
    const [, port] = (await command(askedPort, 'SENTINEL', 'get-master-addr-by-name', NAME)) as string[];
    const server = servers.find((one) => one.port === Number(port));
    if (!server) throw new Error(`no server of ours is at ${port}`);
    return server;
  };
  const isSettled = async (replicas: number): Promise<boolean> => {
    const { port } = await primary();
    const info = String(await command(port, 'INFO', 'replication'));
    const inStep = Number(/min_slaves_good_slaves:(\d+)/.exec(info)?.[1] ?? 0);
    return info.includes('role:master') && inStep >= replicas;
  };
  const known = async (): Promise<boolean> => {
    const sights = await Promise.all(ports.map((port) => command(port, 'SENTINEL', 'master', NAME)));
    return sights.every((sight) => {
      const text = JSON.stringify(sight);
      return text.includes('"num-slaves","2"') && text.includes('"num-other-sentinels","2"');
    });
  };
  const settled = (replicas = 1): Promise<void> => {
    const what = `a primary with ${replicas} in step`;
    return waitFor(() => isSettled(replicas).catch(() => false), what, FAIL_OVER_LIMIT_MS);
  };
  await waitFor(() => known().catch(() => false), 'sentinels that know everybody', FAIL_OVER_LIMIT_MS);
  await settled();
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    servers,
    primary,
    settled,
    stop: async () => {
      for (const [child] of started) child.kill('SIGKILL');
      for (const server of servers) server.resume();
      await Promise.all(servers.map((server) => server.stop()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
