import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { EXAMINED } from 'lastcall/internal/cli/examine.js';
import { run } from 'lastcall/internal/cli/main.js';
import { type Env, goodSettings, SECRET, useFiles } from './support/config.js';
import { fakeTerminal } from './support/fake-terminal.js';
import { type OldRedisOptions, startOldRedis } from './support/old-redis.js';
import {
  needsRedisServer,
  observer,
  type RedisServer,
  type RedisServerOptions,
  redisServerAvailable,
  startRedis,
} from './support/redis.js';
import { startSentinel } from './support/sentinel.js';
import { ROOT, read } from './support/sources.js';
import { waitUntil } from './support/wait.js';

interface Report {
  readonly ok: boolean;
  readonly findings: readonly { name: string; level: string; message: string; remedy?: string }[];
}

describe('doctor', function () {
  this.timeout(20_000);
  const write = useFiles();
  const closing: (() => unknown)[] = [];
  /** Findings of which a fault was planted and found. */
  const planted = new Set<string>();
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  const good = (): Env => goodSettings(write.path('data'));

  async function redis(options: RedisServerOptions): Promise<RedisServer> {
    const server = await startRedis(options);
    closing.push(() => server.stop());
    return server;
  }

  async function serve(status: number, body: string): Promise<string> {
    const server = createServer((_, response) => response.writeHead(status).end(body));
    await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
    closing.push(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** What is not right; every fault says what is the cause and what to do, and nothing tells a secret. */
  async function wrong(more: Env, args: readonly string[] = []): Promise<Report['findings']> {
    const terminal = fakeTerminal({ ...good(), ...more });
    const code = await run(['doctor', '--json', ...args], terminal);
    const { ok, findings } = JSON.parse(terminal.out()) as Report;
    expect(terminal.err()).to.equal('');
    expect(code).to.equal(ok ? 0 : 3);
    for (const secret of [SECRET, 'pass-word']) expect(terminal.out()).not.to.include(secret);
    return findings.filter(({ level }) => level !== 'ok');
  }

  /** `error port` → what its cause and its remedy say. */
  type Faults = Readonly<Record<string, readonly [cause: RegExp, remedy: RegExp]>>;

  /** Exactly these faults are found, with these words. */
  async function finds(more: Env, faults: Faults, args: readonly string[] = []): Promise<void> {
    const found = await wrong(more, args);
    expect(found.map(({ level, name }) => `${level} ${name}`)).to.deep.equal(Object.keys(faults));
    says(found, faults);
  }

  function says(found: Report['findings'], faults: Faults): void {
    for (const [fault, [cause, remedy]] of Object.entries(faults)) {
      const one = found.find(({ level, name }) => `${level} ${name}` === fault);
      expect(one?.message, fault).to.match(cause);
      expect(one?.remedy, fault).to.match(remedy);
      planted.add(one?.name ?? '');
    }
  }

  it('[C5] finds nothing in a good set-up', async () => {
    await finds({}, {});
  });

  const SETTINGS: Readonly<Record<string, readonly [env: Env, cause: RegExp]>> = {
    'a short secret': [
      { LASTCALL_JWT_SECRET: 'pass-word' },
      /^LASTCALL_JWT_SECRET must be at least 32 bytes/,
    ],
    'a misspelt setting': [{ LASTCALL_PROT: '1' }, /^LASTCALL_PROT is not a setting; .* LASTCALL_PORT/],
    'a wrong port': [{ LASTCALL_PORT: 'http' }, /^LASTCALL_PORT must be a whole number.*"http"/],
    'a wildcard origin': [{ LASTCALL_ALLOWED_ORIGINS: '*' }, /^LASTCALL_ALLOWED_ORIGINS must not contain/],
    'no keys at all': [{ LASTCALL_JWT_SECRET: '' }, /LASTCALL_JWT_SECRET or LASTCALL_JWKS_URL must be set/],
    'development for everybody': [
      { LASTCALL_DEV: '1', LASTCALL_HOST: '0.0.0.0' },
      /^LASTCALL_HOST must be a loopback address/,
    ],
  };
  for (const [fault, [env, cause]] of Object.entries(SETTINGS)) {
    it(`[C5] finds ${fault}`, async () => {
      await finds(env, { 'error config': [cause, /Correct that setting; docs\/configuration\.md/] });
    });
  }

  it('[C5] finds origins that are missing or without TLS', async () => {
    await finds(
      { LASTCALL_ALLOWED_ORIGINS: '' },
      { 'warn origins': [/ALLOWED_ORIGINS is empty/, /List the origins of your pages/] },
    );
    const plain = { NODE_ENV: 'production', LASTCALL_ALLOWED_ORIGINS: 'http://app.example.com' };
    await finds(plain, { 'warn origins': [/without TLS: http:\/\/app\.example\.com/, /https:\/\//] });
  });

  it('[C5] finds keys that cannot be fetched or used', async () => {
    const remedy = /Check LASTCALL_JWKS_URL/;
    const keys = { LASTCALL_JWT_SECRET: '', LASTCALL_JWKS_URL: await serve(200, '{"keys":[]}') };
    await finds(keys, { 'error keys': [/no key for signatures/, remedy] });
    const away = { LASTCALL_JWT_SECRET: '', LASTCALL_JWKS_URL: await serve(500, '') };
    await finds(away, { 'error keys': [/cannot be fetched: \w/, remedy] });
  });

  it('[C5] finds a port that something else has, and none that a broker has', async () => {
    const other = new URL(await serve(404, 'nothing'));
    await finds(
      { LASTCALL_PORT: other.port },
      { 'error port': [/is in use/, /Stop what listens there.*--port/] },
    );
    const broker = new URL(await serve(200, '{"ok":true,"checks":[]}'));
    await finds({ LASTCALL_PORT: broker.port }, {});
  });

  it('[C5] finds directories that cannot be written', async () => {
    const file = write('file', '');
    const data = [/cannot be written/, /LASTCALL_DATA_DIR/] as const;
    const archive = [/cannot be written: .*file is in the way/, /LASTCALL_AUDIT_DIR/] as const;
    await finds({ LASTCALL_DATA_DIR: file }, { 'error data': data, 'error archive': archive });
    await finds({ LASTCALL_AUDIT_DIR: `${file}/audit` }, { 'error archive': archive });
  });

  it('[C5] finds a disk without room for the archive', async () => {
    // A file system without any room, wherever this runs.
    const found = await wrong({ LASTCALL_AUDIT_DIR: '/proc/audit' });
    says(found, { 'warn disk': [/has 0 MiB left/, /Make room, or set LASTCALL_AUDIT_DIR/] });
  });

  it('[C5] finds a limit of open files that is low, as a process', () => {
    const { PATH = '' } = process.env;
    const script = `ulimit -n 512; exec "${process.execPath}" "${ROOT}server/bin/lastcall.js" doctor`;
    const { status, stdout } = spawnSync('sh', ['-c', script], {
      env: { ...good(), PATH },
      encoding: 'utf8',
    });
    expect(status).to.equal(0);
    expect(stdout).to.match(
      /^warn {3}files +The limit of open files leaves \d+ connections\.\n +Raise it: ulimit/m,
    );
    planted.add('files');
  });

  it('[C5] finds a Redis that is too old, still loads, or has another clock', async () => {
    const server = async (options: OldRedisOptions): Promise<Env> => {
      const started = await startOldRedis(options);
      closing.push(() => started.stop());
      return { LASTCALL_REDIS_URL: started.url };
    };
    says(await wrong(await server({})), {
      'error version': [/Redis 6\.2\.14 is too old/, /Upgrade to Redis 7/],
    });
    const loading = await wrong(await server({ version: '7.2.0', loading: true }));
    says(loading, { 'error reach': [/still loads its data/, /Check that Redis runs/] });
    const ahead = await wrong(await server({ version: '7.2.0', aheadMs: 60_000 }));
    says(ahead, { 'warn clock': [/clock of Redis is \d+ ms ahead/, /NTP/] });
  });

  it('[C5] finds a Redis that is not there', async () => {
    await finds(
      { LASTCALL_REDIS_URL: 'redis://:pass-word@127.0.0.1:1' },
      { 'error reach': [/127\.0\.0\.1:1/, /Check that Redis runs.*LASTCALL_REDIS_URL/] },
    );
  });

  describe('with a real Redis', () => {
    before(function () {
      needsRedisServer(this, 'faults of Redis that the doctor finds');
    });

    it('[C5] finds nothing in a good one, and a wrong password', async () => {
      const { url, port } = await redis({ appendonly: true, password: 'pass-word' });
      await finds({ LASTCALL_REDIS_URL: url }, {});
      const denied = `redis://:not-the-pass-word@127.0.0.1:${port}`;
      await finds(
        { LASTCALL_REDIS_URL: denied },
        { 'error reach': [/password|WRONGPASS/i, /LASTCALL_REDIS_URL/] },
      );
    });

    it('[C5] finds eviction, no persistence and little memory', async () => {
      const config = { maxmemory: '1mb', 'maxmemory-policy': 'allkeys-lru' };
      const { url } = await redis({ config });
      await finds(
        { LASTCALL_REDIS_URL: url },
        {
          'error eviction': [/allkeys-lru: a full Redis would throw away/, /maxmemory-policy noeviction/],
          'warn persistence': [/keeps nothing on disk/, /appendonly yes/],
          'warn memory': [/\d+ % of its maxmemory/, /Raise maxmemory/],
        },
      );
    });

    it('[C5] finds a user without the rights to give Redis functions', async () => {
      const { url, port } = await redis({ appendonly: true });
      const admin = await observer(url);
      for (const right of ['fcall', 'function|load', 'function|list', 'function|delete']) {
        const text = right.replace('|', '\\|');
        const rights = ['reset', 'on', '>pass-word', '~lc:*', '&lc:*', '+@all', `-${right}`];
        await admin.aclSetUser('narrow', rights);
        await finds(
          { LASTCALL_REDIS_URL: `redis://narrow:pass-word@127.0.0.1:${port}` },
          { 'error functions': [new RegExp(`may not ${text}:`), new RegExp(`Grant \\+${text} to`)] },
        );
      }
      admin.destroy();
    });

    it('[C5] finds a replica, and a cluster that the URL does not name', async () => {
      const replica = await redis({ appendonly: true, config: { replicaof: '127.0.0.1 1' } });
      const found = await wrong({ LASTCALL_REDIS_URL: replica.url });
      says(found, { 'error role': [/read-only replica/, /the primary.*redis\+sentinel/] });
      const cluster = await redis({ appendonly: true, cluster: true });
      await finds(
        { LASTCALL_REDIS_URL: cluster.url },
        { 'warn mode': [/a node of a cluster/, /redis\+cluster:\/\//] },
      );
    });

    it('[C5] finds replicas that are missing behind a sentinel', async () => {
      const { port, dir } = await redis({ appendonly: true });
      const [child, sentinel] = await startSentinel(dir, 0, port);
      closing.push(() => child.kill('SIGKILL'));
      const env = { LASTCALL_REDIS_URL: `redis+sentinel://127.0.0.1:${sentinel}/primary` };
      let found: Report['findings'] = [];
      await waitUntil(async () => {
        found = await wrong(env);
        return found.every(({ name }) => name !== 'reach');
      }, 'the sentinel to answer');
      says(found, { 'error replicas': [/min-replicas-to-write is not set/, /Set min-replicas-to-write 1/] });
      const waived = await wrong({ ...env, LASTCALL_MIN_REPLICAS: '0' });
      says(waived, { 'warn replicas': [/may lose orders/, /Set it to 1/] });
    });
  });

  it('[C5] has each finding explained, and no other', () => {
    const explained = [...read('docs/troubleshooting.md').matchAll(/^\| `(\w+)` \|/gm)].map(
      ([, name]) => name,
    );
    expect(explained).to.deep.equal(Object.keys(EXAMINED));
  });

  // The tests of a suite come before those of the suites in it.
  describe('after all of these', () => {
    it('[C5] had a fault planted for each finding', () => {
      // A Redis that loads when it is asked is not reached; the way through proxies has tests of its own.
      const elsewhere = new Set(['loading', 'public', 'upgrade', 'quiet']);
      const real = new Set(['functions', 'eviction', 'persistence', 'memory', 'role', 'mode', 'replicas']);
      const needed = Object.keys(EXAMINED).filter(
        (name) => !elsewhere.has(name) && (redisServerAvailable() || !real.has(name)),
      );
      expect(needed.filter((name) => !planted.has(name))).to.deep.equal([]);
    });
  });
});
