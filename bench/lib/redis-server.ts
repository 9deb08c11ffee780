import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { pinned } from './cores.js';
import { start, stop } from './processes.js';

const START_LIMIT_MS = 10_000;

/** A redis-server of the benchmark's own: without persistence, and with nobody else's load on it. */
export interface RedisServer {
  readonly url: string;
  /** A connection to look at it with. */
  readonly observer: Redis;
  /** Processor time its command thread has used, in microseconds. */
  cpuUs(): Promise<number>;
  /** What its data takes, in bytes. */
  memoryBytes(): Promise<number>;
  stop(): Promise<void>;
}

/** Only the system's administrator may; otherwise the longest times say more about the machine than about Redis. */
const mayGoFirst = (): boolean => spawnSync('chrt', ['--fifo', '1', 'true']).status === 0;

export const redisVersion = (): string | undefined =>
  /v=(\S+)/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];

/** Starts one; `first` has the system run it before everything else where that is allowed: nothing interrupts a script. */
export async function startRedis(
  core: number | undefined,
  { first = false }: { first?: boolean } = {},
): Promise<RedisServer> {
  const port = await freePort();
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    // Nothing is written there, and nothing is to be read.
    dir: tmpdir(),
    dbfilename: `lastcall-bench-${port}.rdb`,
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
    loglevel: 'warning',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const command =
    first && mayGoFirst() ? ['chrt', '--fifo', '1', 'redis-server', ...args] : ['redis-server', ...args];
  const child = start('server', ...pinned(core, command));
  const url = `redis://127.0.0.1:${port}`;
  const observer = await connected(url);
  return {
    url,
    observer,
    async cpuUs() {
      const info = await observer.info('cpu');
      const seconds = (name: string): number => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]);
      return (seconds('used_cpu_user_main_thread') + seconds('used_cpu_sys_main_thread')) * 1e6;
    },
    async memoryBytes() {
      return Number(/^used_memory:(\d+)/m.exec(await observer.info('memory'))?.[1]);
    },
    async stop() {
      observer.disconnect();
      await stop(child, () => child.kill('SIGTERM'));
    },
  };
}

async function connected(url: string): Promise<Redis> {
  const observer = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
  // While the server starts the connection is refused; the limit below decides.
  observer.on('error', () => undefined);
  const late = delay(START_LIMIT_MS, 'late', { ref: false });
  if ((await Promise.race([observer.ping(), late])) === 'late') {
    observer.disconnect();
    throw new Error(`redis-server did not start within ${START_LIMIT_MS} ms`);
  }
  return observer;
}

/** A port of loopback that nobody listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port);
        else reject(new Error('no free port'));
      });
    });
  });
}
