import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type EmbeddedEngine, startEmbedded } from 'lastcall/internal/redis/embedded/index.js';
import { createClient, ErrorReply } from 'redis';

const START_LIMIT_MS = 10_000;
const START_ATTEMPTS = 5;
const LOOK_EVERY_MS = 10;
/** The observer comes back after a restart of Redis, but does not try for ever. */
const RECONNECT_MS = 50;
const RECONNECTIONS = 200;

export interface RedisServerOptions {
  /** A cluster of one node with all slots: real cross-slot errors, one process; `'joining'`: a node that has none yet. */
  readonly cluster?: boolean | 'joining';
  /** Keeps what was acknowledged over a SIGKILL. */
  readonly appendonly?: boolean;
  readonly password?: string;
  /** Further settings by their names in redis.conf. */
  readonly config?: Readonly<Record<string, string>>;
  /** Further variables of its environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A real redis-server of the test's own, which can be frozen, killed and started again. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data, after a kill if it still runs. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

export function redisServerAvailable(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

/**
 * For a `before` hook: without redis-server the suite is left out, saying so in one line; with `CI=true` it fails.
 */
export function needsRedisServer(context: Mocha.Context, leftOut: string): void {
  if (redisServerAvailable()) return;
  const line = `redis-server is not installed: left out: ${leftOut}`;
  if (process.env['CI'] === 'true') throw new Error(line);
  process.stderr.write(`  ${line}\n`);
  context.skip();
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const dir = mkdtempSync(join(tmpdir(), 'lastcall-redis-'));
  const auth = options.password === undefined ? '' : `:${options.password}@`;
  const { port, args, child: first } = await launchSomewhere(options, dir);
  const { env = {} } = options;
  let child = first;
  if (options.cluster === true) {
    await ask(port, 'CLUSTER ADDSLOTSRANGE 0 16383');
    await waitFor(async () => (await ask(port, 'CLUSTER INFO')).includes('cluster_state:ok'), 'the cluster');
  }
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  return {
    url: `redis://${auth}127.0.0.1:${port}`,
    port,
    dir,
    get pid() {
      return child.pid as number;
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    kill,
    restart: async () => {
      await kill();
      child = await launch(args, env);
    },
    stop: async () => {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Another process may take a port between the look and the start: then on others. */
async function launchSomewhere(
  options: RedisServerOptions,
  dir: string,
): Promise<{ port: number; args: readonly string[]; child: ChildProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const clusterPort = options.cluster ? await freePort() : undefined;
    const args = serverArguments(options, port, clusterPort, dir);
    try {
      return { port, args, child: await launch(args, options.env) };
    } catch (error) {
      if (attempt === START_ATTEMPTS || !String(error).includes('Address already in use')) throw error;
    }
  }
}

function serverArguments(
  options: RedisServerOptions,
  port: number,
  clusterPort: number | undefined,
  dir: string,
): string[] {
  const settings: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: options.appendonly ? 'yes' : 'no',
    ...(clusterPort === undefined ? {} : clusterSettings(clusterPort)),
    ...(options.password === undefined ? {} : { requirepass: options.password }),
    ...options.config,
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

function clusterSettings(clusterPort: number): Record<string, string> {
  return {
    'cluster-enabled': 'yes',
    'cluster-port': String(clusterPort),
    // A node that was never met by another does not know its own address.
    'cluster-announce-ip': '127.0.0.1',
  };
}

/** A file that may not grow is an error to a server, as a full disk is, not its end. */
const SHELL = 'trap "" XFSZ; exec redis-server "$@"';

async function launch(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', SHELL, 'redis-server', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, ...env },
  });
  const leave = (): void => void child.kill('SIGKILL');
  process.once('exit', leave);
  child.once('exit', () => process.off('exit', leave));
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => {
    output = (output + bytes.toString()).slice(-8_000);
  });
  // Its own word, not an answer on the port: that could come from another server that took it first.
  await waitFor(() => {
    if (child.exitCode !== null) throw new Error(`redis-server did not start:\n${output}`);
    return output.includes('Ready to accept connections');
  }, 'redis-server');
  return child;
}

/** One inline command on a connection of its own, and the first piece of the answer. */
function ask(port: number, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes.toString());
    });
    socket.once('error', reject);
  });
}

/** Below the ports that systems give to outgoing connections: one of those could take it before a server does. */
const PORTS = { from: 10_000, to: 32_000 } as const;
const PORT_ATTEMPTS = 50;

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const port = randomInt(PORTS.from, PORTS.to);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Waits for a condition, and fails with `what` if it does not come true. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs: number = START_LIMIT_MS,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${limitMs} ms for ${what}`);
    await delay(LOOK_EVERY_MS);
  }
}

async function openObserver(url: string) {
  const client = createClient({
    url,
    socket: {
      reconnectStrategy: (attempt, cause) =>
        cause instanceof ErrorReply || attempt > RECONNECTIONS ? cause : RECONNECT_MS,
    },
  });
  // Errors of the connection are the test's subject, not this client's.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export type Observer = Awaited<ReturnType<typeof openObserver>>;

/** A client of another make, which sees what is really in the store. The test closes it (`destroy()`). */
export function observer(url: string): Promise<Observer> {
  return openObserver(url);
}

export interface TestStore {
  readonly url: string;
  readonly kind: 'embedded' | 'external';
}

let sharedEngine: Promise<EmbeddedEngine> | undefined;
let sharedDir: string | undefined;

/** The store under test: `LASTCALL_REDIS_URL`, or an embedded engine, shared by what runs in this process. Tests use tenants of their own. */
export async function testStore(): Promise<TestStore> {
  const external = process.env['LASTCALL_REDIS_URL'];
  if (external !== undefined && external !== '') return { url: external, kind: 'external' };
  sharedDir ??= mkdtempSync(join(tmpdir(), 'lastcall-engine-'));
  sharedEngine ??= startEmbedded({ dataDir: sharedDir });
  return { url: (await sharedEngine).url, kind: 'embedded' };
}

/** Ends the engine of the run, if one was started; mocha's root hook does it (support/hooks.ts). */
export async function stopSharedEngine(): Promise<void> {
  const [engine, dir] = [await sharedEngine, sharedDir];
  sharedEngine = undefined;
  sharedDir = undefined;
  await engine?.stop();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
}
