import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './redis.js';

const VERSIONS = '/usr/lib/postgresql';
const START_LIMIT_MS = 30_000;
const USER = 'lastcall';

export interface Postgres {
  readonly url: string;
  stop(): Promise<void>;
}

/** Where Debian puts the server's programs. */
function programs(): string | undefined {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
  return versions
    .toSorted((a, b) => Number(b) - Number(a))
    .map((version) => join(VERSIONS, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
}

/** PostgreSQL does not run for root; Debian's package brings an account of its own. */
function account(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const numberOf = (option: string): number => {
    const { stdout, status } = spawnSync('id', [option, 'postgres'], { encoding: 'utf8' });
    if (status !== 0) throw new Error('There is no account "postgres" to run the server as.');
    return Number(stdout);
  };
  return { uid: numberOf('-u'), gid: numberOf('-g') };
}

async function answers(bin: string, port: number): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  const args = ['-h', '127.0.0.1', '-p', String(port), '-U', USER];
  while (spawnSync(join(bin, 'pg_isready'), args).status !== 0) {
    if (performance.now() > deadline) throw new Error('PostgreSQL did not start in time.');
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
  }
}

/**
 * A PostgreSQL of the suite's own. Without one the suite says what it leaves out; with CI=true that is a failure.
 */
export async function startPostgres(suite: Mocha.Context, what: string): Promise<Postgres> {
  const bin = programs();
  if (bin === undefined) {
    if (process.env['CI'] === 'true')
      throw new Error(`There is no PostgreSQL for ${what}: apt-get install postgresql`);
    process.stderr.write(`    left out for want of PostgreSQL: ${what}\n`);
    return suite.skip();
  }
  const owner = account();
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-postgres-'));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  const options = { cwd: folder, ...owner };
  const data = join(folder, 'data');
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', USER, '-A', 'trust', '--no-sync'], options);
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr.toString()}`);
  const port = await freePort();
  const args = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-k', folder];
  const server: ChildProcess = spawn(join(bin, 'postgres'), args, { ...options, stdio: 'ignore' });
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  await answers(bin, port);
  return {
    url: `postgres://${USER}@127.0.0.1:${port}/postgres`,
    stop: async () => {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      await gone;
      process.off('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
