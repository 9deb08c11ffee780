import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pinned } from './cores.js';
import { until } from './pool.js';
import { start, stop } from './processes.js';
import { freePort, startRedis } from './redis-server.js';

/** What a kind of lock is kept in. */
export interface LockServer {
  readonly url: string;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 30_000;
/** Where Debian puts it. */
const ZOOKEEPER = '/usr/share/java/zookeeper.jar';

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

const has = (command: string): boolean => spawnSync(command, ['--version']).error === undefined;

/** Why a kind of lock cannot be measured here; undefined: it can. */
export function missingFor(kind: string): string | undefined {
  if (kind === 'etcd' && !has('etcd')) return 'etcd is not installed (apt-get install etcd-server)';
  if (kind === 'zookeeper' && !(existsSync(ZOOKEEPER) && has('java')))
    return 'ZooKeeper is not installed (apt-get install zookeeper)';
  return undefined;
}

/** Starts what a kind is kept in. None of them waits for a disk: the data lies in memory where there is a place for it. */
export async function startLockServer(kind: string, core: number | undefined): Promise<LockServer> {
  if (kind !== 'etcd' && kind !== 'zookeeper') return await startRedis(core);
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const folder = mkdtempSync(join(memory, 'lastcall-bench-'));
  const port = await freePort();
  const command = kind === 'etcd' ? await etcdCommand(folder, port) : zookeeperCommand(folder, port);
  const child = start('server', ...pinned(core, command));
  await until(`${kind} to listen`, () => answers(port), START_LIMIT_MS);
  return {
    url: `127.0.0.1:${port}`,
    async stop() {
      await stop(child, () => child.kill('SIGTERM'));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function etcdCommand(folder: string, port: number): Promise<string[]> {
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const settings = {
    'data-dir': folder,
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `default=${peer}`,
    'log-level': 'error',
  };
  return ['etcd', ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)];
}

function zookeeperCommand(folder: string, port: number): string[] {
  const file = join(folder, 'zoo.cfg');
  const settings = { dataDir: folder, clientPort: port, clientPortAddress: '127.0.0.1', tickTime: 2_000 };
  const lines = Object.entries({
    ...settings,
    maxClientCnxns: 0,
    forceSync: 'no',
    'admin.enableServer': false,
  });
  writeFileSync(file, lines.map(([name, value]) => `${name}=${value}\n`).join(''));
  const options = ['-Dzookeeper.forceSync=no', '-Dzookeeper.admin.enableServer=false'];
  return ['java', ...options, '-cp', ZOOKEEPER, 'org.apache.zookeeper.server.ZooKeeperServerMain', file];
}
