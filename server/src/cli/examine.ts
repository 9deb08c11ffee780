import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { countKeys } from '../auth/keys.js';
import type { Config } from '../config.js';
import { maxConnections } from '../descriptors.js';
import type { FindingName } from '../doctor.js';
import { isLoopback } from '../schema/settings.js';
import { listenProblem } from './listening.js';

/** The one table of what `lastcall doctor` looks at; docs/troubleshooting.md has a part for each. */
export const EXAMINED = {
  config: 'the settings',
  reach: 'whether Redis answers',
  loading: 'whether Redis has its data',
  version: 'the version of Redis',
  functions: 'whether Redis takes functions',
  role: 'whether Redis takes writes',
  mode: 'whether the URL fits the kind of Redis',
  replicas: 'replicas that may have to take over',
  eviction: 'what a full Redis does',
  clock: 'the clocks',
  persistence: 'what survives a restart of Redis',
  memory: 'the memory of Redis',
  keys: 'what tokens are checked with',
  origins: 'pages that may connect',
  port: 'the address to listen on',
  data: 'the directory for data',
  archive: 'the directory for the audit archive',
  disk: 'room for the audit archive',
  files: 'how many connections the system allows',
  public: 'the address that clients come by',
  upgrade: 'whether proxies pass WebSockets',
  quiet: 'whether proxies leave quiet connections alone',
} as const satisfies Record<FindingName, string> & Record<string, string>;
export type Examined = keyof typeof EXAMINED;

/** What was found; `remedy` says what to do, where there is something to do. */
export interface Diagnosis {
  readonly name: Examined;
  readonly level: 'ok' | 'warn' | 'error';
  readonly message: string;
  readonly remedy?: string;
}

const FREE_WARN_BYTES = 1_073_741_824;
const CONNECTIONS_WARN = 1_000;
const ASK_LIMIT_MS = 2_000;

async function examineKeys({ jwksUrl, jwtSecret }: Config): Promise<Diagnosis> {
  const name = 'keys';
  if (jwksUrl === undefined) {
    const message =
      jwtSecret === undefined ? 'Development makes its own secret.' : 'The secret is long enough.';
    return { name, level: 'ok', message };
  }
  const remedy = 'Check LASTCALL_JWKS_URL, and that the identity provider can be reached from here.';
  try {
    const count = await countKeys(jwksUrl);
    if (count > 0) return { name, level: 'ok', message: `LASTCALL_JWKS_URL publishes keys: ${count}.` };
    return { name, level: 'error', message: 'LASTCALL_JWKS_URL publishes no key for signatures.', remedy };
  } catch (error) {
    const message = `The keys of LASTCALL_JWKS_URL cannot be fetched: ${(error as Error).message}.`;
    return { name, level: 'error', message, remedy };
  }
}

function examineOrigins({ allowedOrigins, dev, production }: Config): Diagnosis {
  const name = 'origins';
  const plain = allowedOrigins.filter((origin) => {
    const { protocol, hostname } = new URL(origin);
    return protocol === 'http:' && !isLoopback(hostname);
  });
  if (!dev && allowedOrigins.length === 0) {
    const message = 'LASTCALL_ALLOWED_ORIGINS is empty: no page of another origin may connect.';
    return { name, level: 'warn', message, remedy: 'List the origins of your pages, as browsers send them.' };
  }
  if (production && plain.length > 0) {
    const message = `LASTCALL_ALLOWED_ORIGINS has pages without TLS: ${plain.join(', ')}.`;
    return { name, level: 'warn', message, remedy: 'Serve them by https:// and list them so.' };
  }
  return { name, level: 'ok', message: `Origins that may connect: ${allowedOrigins.length}.` };
}

/** Whether an answer to `/readyz` is a broker's. */
export function isBroker(answer: unknown): boolean {
  return (answer as { readonly checks?: unknown } | null | undefined)?.checks !== undefined;
}

/** Whether what listens there already is a broker. */
async function isOurs({ host, port }: Config): Promise<boolean> {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const address = name.includes(':') ? `[${name}]` : name;
  try {
    const signal = AbortSignal.timeout(ASK_LIMIT_MS);
    const response = await fetch(`http://${address}:${port}/readyz`, { signal, redirect: 'error' });
    return isBroker(await response.json());
  } catch {
    // Whatever answers otherwise, or not at all, is none.
    return false;
  }
}

async function examinePort(config: Config): Promise<Diagnosis> {
  const name = 'port';
  const { host, port } = config;
  const failed = await new Promise<Error | undefined>((done) => {
    const server = createServer();
    server.once('error', done);
    server.listen(port, host, () => server.close(() => done(undefined)));
  });
  if (failed === undefined) return { name, level: 'ok', message: `Port ${port} on ${host} is free.` };
  const [problem, remedy] = listenProblem(failed, config) ?? [failed.message, 'See LASTCALL_HOST.'];
  if ((failed as NodeJS.ErrnoException).code === 'EADDRINUSE' && (await isOurs(config)))
    return { name, level: 'ok', message: `A broker listens on port ${port} already.` };
  return {
    name,
    level: 'error',
    message: `${problem}.`,
    remedy: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}`,
  };
}

/** A directory, or the nearest above it that is there: what is missing is made at the start. */
async function nearestThere(path: string): Promise<string> {
  try {
    await stat(path);
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if ((code !== 'ENOENT' && code !== 'ENOTDIR') || dirname(path) === path) return path;
    return nearestThere(dirname(path));
  }
}

async function examineDirectory(name: 'data' | 'archive', path: string): Promise<Diagnosis> {
  const there = await nearestThere(resolve(path));
  try {
    await access(there, constants.W_OK | constants.X_OK);
    if ((await stat(there)).isDirectory()) return { name, level: 'ok', message: `${path} can be written.` };
  } catch {
    // Told below, with what is in the way.
  }
  const variable = name === 'data' ? 'LASTCALL_DATA_DIR' : 'LASTCALL_AUDIT_DIR';
  const remedy = `Give it to the account of the broker, or set ${variable} to another one.`;
  return { name, level: 'error', message: `${path} cannot be written: ${there} is in the way.`, remedy };
}

async function examineDisk({ auditDir }: Config): Promise<Diagnosis> {
  const name = 'disk';
  const there = await nearestThere(resolve(auditDir));
  const space = await statfs(there).catch(() => undefined);
  if (space === undefined || space.bavail * space.bsize >= FREE_WARN_BYTES)
    return { name, level: 'ok', message: 'The audit archive has room.' };
  const free = Math.floor((space.bavail * space.bsize) / 1_048_576);
  const remedy = 'Make room, or set LASTCALL_AUDIT_DIR to a larger disk.';
  return { name, level: 'warn', message: `The audit archive has ${free} MiB left.`, remedy };
}

function examineFiles(): Diagnosis {
  const name = 'files';
  const limit = maxConnections();
  if (limit === undefined) return { name, level: 'ok', message: 'The system tells no limit of open files.' };
  if (limit >= CONNECTIONS_WARN) return { name, level: 'ok', message: `${limit} connections are possible.` };
  const message = `The limit of open files leaves ${limit} connections.`;
  return {
    name,
    level: 'warn',
    message,
    remedy: 'Raise it: ulimit -n 65536, or LimitNOFILE= of the service.',
  };
}

/** All that can be seen from here but Redis. Changes nothing. */
export async function examineHere(config: Config): Promise<Diagnosis[]> {
  const usesData = config.redisUrl === undefined || config.dev;
  return [
    await examineKeys(config),
    examineOrigins(config),
    await examinePort(config),
    ...(usesData ? [await examineDirectory('data', config.dataDir)] : []),
    await examineDirectory('archive', config.auditDir),
    await examineDisk(config),
    examineFiles(),
  ];
}
