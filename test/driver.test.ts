import { expect } from 'chai';
import { checkRedis, type Finding, type FindingName } from 'lastcall/internal/redis/checks.js';
import {
  type ConnectOptions,
  connectRedis,
  isUnavailable,
  type RedisDriver,
  StoreUnavailableError,
} from 'lastcall/internal/redis/driver.js';
import { describeAddress, parseRedisUrl, RedisUrlError } from 'lastcall/internal/redis/url.js';
import { startProxy } from './support/proxy.js';
import {
  freePort,
  needsRedisServer,
  observer,
  type RedisServer,
  type RedisServerOptions,
  startRedis,
  testStore,
  waitFor,
} from './support/redis.js';

const INCREMENT = '#!lua\nreturn redis.call("INCR", KEYS[1])';
const PUBLISH =
  '#!lua flags=allow-oom\nredis.call("INCR", KEYS[1])\nreturn redis.call("SPUBLISH", KEYS[1], ARGV[1])';

const cleanups: (() => unknown)[] = [];

async function connected(url: string, options: Omit<ConnectOptions, 'url'> = {}): Promise<RedisDriver> {
  const driver = await connectRedis({ url, ...options });
  cleanups.push(() => driver.close());
  return driver;
}

/** How a command failed, and after how long. */
async function failure(
  run: () => Promise<unknown>,
): Promise<{ error: StoreUnavailableError; afterMs: number }> {
  const startedAt = performance.now();
  try {
    await run();
  } catch (error) {
    return { error: error as StoreUnavailableError, afterMs: performance.now() - startedAt };
  }
  throw new Error('it did not fail');
}

function messagesOf(driver: RedisDriver): string[] {
  const messages: string[] = [];
  driver.onMessage((channel, message) => void messages.push(`${channel} ${message}`));
  return messages;
}

function levelOf(findings: readonly Finding[], name: FindingName): string | undefined {
  return findings.find((finding) => finding.name === name)?.level;
}

describe('the Redis driver', () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);

  before(() => void process.on('unhandledRejection', note));
  after(() => {
    process.off('unhandledRejection', note);
    expect(unhandled, 'I15: nothing fails unheard').to.deep.equal([]);
  });
  afterEach(async () => {
    while (cleanups.length > 0) await cleanups.pop()?.();
  });

  describe('reads its URL', () => {
    const accepted: Record<string, object> = {
      'redis://localhost': { kind: 'single', node: { host: 'localhost', port: 6379 }, db: 0, tls: false },
      'rediss://me:p%40ss@[::1]:7000/3': {
        kind: 'single',
        node: { host: '::1', port: 7000 },
        db: 3,
        tls: true,
        username: 'me',
        password: 'p@ss',
      },
      'redis+cluster://a,b:7001': {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 7001 },
        ],
        tls: false,
      },
      'rediss+sentinel://:secret@a,b:26380/primary/2': {
        kind: 'sentinel',
        sentinels: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 26380 },
        ],
        name: 'primary',
        db: 2,
        tls: true,
        password: 'secret',
      },
    };
    for (const [url, address] of Object.entries(accepted)) {
      it(`accepts ${url}`, () => expect(parseRedisUrl(url)).to.deep.equal(address));
    }

    const refused: Record<string, RegExp> = {
      'http://localhost': /one of these forms/,
      localhost: /one of these forms/,
      'redis://': /Host 1/,
      'redis://a,b': /redis\+cluster:\/\/ or redis\+sentinel/,
      'redis://a:70000': /Host 1/,
      'redis+cluster://a,:secret': /Host 2/,
      'redis://a/b': /number of a database/,
      'redis+cluster://a,b/1': /no path/,
      'redis+sentinel://a,b': /name of the primary/,
      'redis://a?tls=1': /no parameters/,
      'redis://:%zz@a': /write % itself as %25/,
    };
    for (const [url, message] of Object.entries(refused)) {
      it(`refuses ${url}`, () => expect(() => parseRedisUrl(url)).to.throw(RedisUrlError, message));
    }

    it('S42: describes an address without its password', () => {
      const url = 'rediss+sentinel://me:secret@a,[::1]:26380/primary';
      expect(describeAddress(parseRedisUrl(url))).to.equal('rediss+sentinel://a:26379,[::1]:26380/primary');
    });
  });

  const servers: Record<string, RedisServerOptions | undefined> = {
    'the store under test': undefined,
    'redis-server': { password: 'secret' },
    'redis-server as a cluster of one node': { cluster: true },
  };

  for (const [name, options] of Object.entries(servers)) {
    describe(`on ${name}`, () => {
      let server: RedisServer | undefined;
      let url = '';

      before(async function () {
        if (options === undefined) {
          url = (await testStore()).url;
          return;
        }
        needsRedisServer(this, `the driver on ${name}`);
        server = await startRedis(options);
        url = options.cluster ? `redis+cluster://127.0.0.1:${server.port}` : server.url;
      });
      after(() => server?.stop());

      it('runs scripts and plain commands; answers are strings and numbers', async () => {
        const driver = await connected(url);
        const key = `lc:{driver-${process.pid}}:plain`;
        const sha = await driver.scriptLoad(INCREMENT);
        await driver.commands.del(key);
        expect(await driver.evalsha(sha, [key], [])).to.equal(1);
        expect(await driver.commands.get(key)).to.equal('1');
        await driver.commands.del(key);
        await driver.commands.hset(key, { a: '1', b: 2 });
        expect(await driver.commands.hgetall(key)).to.deep.equal({ a: '1', b: '2' });
        expect(await driver.commands.hmget(key, 'b', 'c')).to.deep.equal(['2', null]);
        await driver.commands.del(key);
        await driver.commands.zadd(key, 1.5, 'x', 2, 'y');
        expect(await driver.commands.zrange(key, '0', '-1', 'WITHSCORES')).to.deep.equal([
          'x',
          '1.5',
          'y',
          '2',
        ]);
        await driver.commands.del(key);
        await driver.commands.xadd(key, '1-0', 'record', '{}');
        expect(await driver.commands.xrange(key, '-', '+')).to.deep.equal([['1-0', ['record', '{}']]]);
        await driver.commands.del(key);
        expect(await driver.ping()).to.be.within(0, 1_000);
        expect(driver.status().state).to.equal('ready');
      });

      it('H65: a script that Redis does not know is said to be that, not an outage', async () => {
        const driver = await connected(url);
        const { error } = await failure(() => driver.evalsha('0'.repeat(40), ['lc:{t}:k'], []));
        expect(error.message).to.match(/^NOSCRIPT/);
        expect(isUnavailable(error)).to.equal(false);
      });

      it('hears sharded channels, published from inside a script too, until it leaves them', async () => {
        const driver = await connected(url);
        const messages = messagesOf(driver);
        const channel = `lc:{driver-${process.pid}}:log`;
        const sha = await driver.scriptLoad(PUBLISH);
        await driver.subscribe(channel);
        expect(await driver.evalsha(sha, [channel], ['from a script'])).to.equal(1);
        await driver.commands.spublish(channel, 'from a client');
        await waitFor(() => messages.length === 2, 'both messages');
        expect(messages).to.deep.equal([`${channel} from a script`, `${channel} from a client`]);
        await driver.unsubscribe(channel);
        expect(await driver.commands.spublish(channel, 'to nobody')).to.equal(0);
      });

      it('finds nothing to complain about', async () => {
        const findings = await checkRedis(await connected(url));
        expect(findings.filter(({ level }) => level !== 'ok')).to.deep.equal([]);
        expect(findings.map((finding) => finding.name)).to.include.members([
          'reach',
          'version',
          'eviction',
          'clock',
        ]);
      });

      if (options?.cluster) {
        it('says when the URL treats a node of a cluster as a single Redis', async () => {
          const driver = await connected(server?.url ?? '');
          expect(levelOf(await checkRedis(driver), 'mode')).to.equal('warn');
        });
      }
    });
  }

  describe('without Redis', () => {
    it('does not start: it says where it looked and why, without the password', async () => {
      const port = await freePort();
      for (const url of [
        `redis://:secret@127.0.0.1:${port}`,
        `redis+cluster://:secret@127.0.0.1:${port}`,
        `redis+sentinel://:secret@127.0.0.1:${port}/primary`,
      ]) {
        const { error, afterMs } = await failure(() => connectRedis({ url, connectTimeoutMs: 300 }));
        expect(error).to.be.instanceOf(StoreUnavailableError);
        expect(error.message).to.include(`127.0.0.1:${port}`).and.include('LASTCALL_REDIS_URL');
        expect(error.message).not.to.include('secret');
        expect(afterMs).to.be.below(2_000);
      }
    });
  });

  describe('H64: when Redis fails', () => {
    let server: RedisServer;

    before(async function () {
      needsRedisServer(this, 'freezes, kills and lost answers of Redis');
      server = await startRedis({ appendonly: true });
    });
    after(() => server?.stop());

    it('frozen: commands fail at their limit, later ones at once; all works again by itself', async () => {
      const driver = await connected(server.url);
      const lost: string[] = [];
      let ready = 0;
      driver.onLost((reason) => void lost.push(reason));
      driver.onReady(() => {
        ready += 1;
      });
      const sha = await driver.scriptLoad(INCREMENT);
      server.pause();
      const failures = await Promise.all(
        Array.from({ length: 7 }, () => failure(() => driver.evalsha(sha, ['frozen'], []))),
      );
      for (const { error, afterMs } of failures) {
        expect(error).to.be.instanceOf(StoreUnavailableError);
        expect(error.mayHaveRun).to.equal(true);
        expect(afterMs).to.be.within(1_900, 2_600);
      }
      await waitFor(() => lost.length === 1, 'the loss', 2_000);
      const late = await failure(() => driver.commands.incr('frozen'));
      expect(late.error.mayHaveRun).to.equal(false);
      expect(late.afterMs).to.be.below(100);
      const findings = await checkRedis(driver);
      expect(findings).to.have.length(1);
      expect(levelOf(findings, 'reach')).to.equal('error');

      server.resume();
      await waitFor(() => ready === 1, 'the recovery', 5_000);
      expect(lost).to.have.length(1);
      expect(Number(await driver.commands.get('frozen')), 'each at most once').to.be.at.most(7);
    });

    it('killed: commands under way and new ones fail at once; channels are heard again', async () => {
      const driver = await connected(server.url);
      const messages = messagesOf(driver);
      await driver.subscribe('lc:{a}:log');
      await driver.subscribe('lc:{b}:log');
      let ready = 0;
      driver.onReady(() => {
        ready += 1;
      });
      server.pause();
      const pending = failure(() => driver.commands.incr('killed'));
      await server.kill();
      const inFlight = await pending;
      expect(inFlight.error).to.be.instanceOf(StoreUnavailableError);
      expect(inFlight.afterMs).to.be.below(1_000);
      await waitFor(() => driver.status().state === 'lost', 'the loss');
      const late = await failure(() => driver.commands.incr('killed'));
      expect(late.error).to.be.instanceOf(StoreUnavailableError);
      expect(late.afterMs).to.be.below(100);
      const refused = await failure(() => driver.subscribe('lc:{c}:log'));
      expect(refused.error).to.be.instanceOf(StoreUnavailableError);

      await server.restart();
      await waitFor(() => ready === 1, 'the recovery');
      for (const tenant of ['a', 'b', 'c']) await driver.commands.spublish(`lc:{${tenant}}:log`, 'hello');
      await waitFor(() => messages.length >= 2, 'the messages');
      expect(messages).to.deep.equal(['lc:{a}:log hello', 'lc:{b}:log hello']);
    });

    it('H02: an answer that is lost does not make a command run twice', async () => {
      const proxy = await startProxy(server.port);
      cleanups.push(() => proxy.stop());
      const driver = await connected(`redis://127.0.0.1:${proxy.port}`);
      const sha = await driver.scriptLoad(INCREMENT);
      for (let round = 1; round <= 5; round += 1) {
        proxy.cutNextReply();
        const { error, afterMs } = await failure(() => driver.evalsha(sha, ['once'], []));
        expect(error.mayHaveRun).to.equal(true);
        expect(afterMs).to.be.below(1_000);
        await waitFor(() => driver.status().state === 'ready', 'the recovery');
        expect(await driver.commands.get('once')).to.equal(String(round));
      }
    });

    it('H45: a dead link is noticed though nothing is asked', async () => {
      const proxy = await startProxy(server.port);
      cleanups.push(() => proxy.stop());
      const driver = await connected(`redis://127.0.0.1:${proxy.port}`, {
        commandTimeoutMs: 200,
        probeEveryMs: 100,
      });
      const messages = messagesOf(driver);
      await driver.subscribe('lc:{a}:log');
      proxy.stall(true);
      await waitFor(() => driver.status().state === 'lost', 'the loss', 2_000);
      proxy.stall(false);
      await waitFor(() => driver.status().state === 'ready', 'the recovery', 5_000);
      await driver.commands.spublish('lc:{a}:log', 'hello');
      await waitFor(() => messages.length === 1, 'the message');
    });

    it('H71: no subscription is lost however often its connection is', async () => {
      const driver = await connected(server.url);
      const messages = messagesOf(driver);
      const channels = Array.from({ length: 50 }, (_, i) => `lc:{t${i}}:log`);
      await Promise.all(channels.map((channel) => driver.subscribe(channel)));
      const killer = await observer(server.url);
      cleanups.push(() => killer.destroy());
      for (let round = 0; round < 10; round += 1) {
        await killer.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
        // Some rounds hit a connection that is just subscribing again.
        if (round % 2 === 0) await waitFor(() => driver.status().state === 'ready', 'the recovery');
      }
      await waitFor(
        async () => (await killer.pubSubShardNumSub(channels))[channels[49] ?? ''] === 1,
        'the last channel',
      );
      await waitFor(() => driver.status().state === 'ready', 'the recovery');
      for (const channel of channels) await driver.commands.spublish(channel, 'hello');
      await waitFor(() => messages.length === channels.length, 'every message');
    });

    it('H68: a full store is out of reach for writes; a mistake is not an outage', async () => {
      const driver = await connected(server.url);
      await driver.commands.set('text', 'value');
      const mistake = await failure(() => driver.commands.hget('text', 'field'));
      expect(isUnavailable(mistake.error)).to.equal(false);
      await driver.commands.config('SET', 'maxmemory', '1');
      const full = await failure(() => driver.commands.set('key', 'value'));
      await driver.commands.config('SET', 'maxmemory', '0');
      expect(full.error).to.be.instanceOf(StoreUnavailableError);
      expect(full.error.message).to.include('OOM');
      expect(full.error.mayHaveRun).to.equal(false);
    });

    it('closes: nothing hangs, and later commands fail', async () => {
      const driver = await connected(server.url);
      server.pause();
      const pending = failure(() => driver.commands.get('key'));
      await driver.close();
      server.resume();
      expect((await pending).error).to.be.instanceOf(StoreUnavailableError);
      expect((await failure(() => driver.commands.get('key'))).error).to.be.instanceOf(StoreUnavailableError);
      expect(driver.status()).to.deep.equal({ state: 'closed' });
    });
  });

  describe('the checks', () => {
    let server: RedisServer;

    before(async function () {
      needsRedisServer(this, 'the checks on badly set up servers');
      server = await startRedis();
    });
    after(() => server?.stop());

    it('H09: an eviction policy that throws sessions away is an error with its remedy', async () => {
      const driver = await connected(server.url);
      await driver.commands.config('SET', 'maxmemory-policy', 'allkeys-lru');
      const eviction = (await checkRedis(driver)).find(({ name }) => name === 'eviction');
      await driver.commands.config('SET', 'maxmemory-policy', 'noeviction');
      expect(eviction?.level).to.equal('error');
      expect(eviction?.message).to.include('allkeys-lru');
      expect(eviction?.remedy).to.include('noeviction');
    });

    it('what this user may not ask is said to be unknown', async () => {
      const admin = await connected(server.url);
      await admin.commands.acl(
        'SETUSER',
        'narrow',
        'on',
        '>pw',
        '~lc:*',
        '&lc:*',
        '+@all',
        '-info',
        '-config',
        '-time',
      );
      // The client itself says that it cannot ask whether data is loaded.
      const driver = await connected(`redis://narrow:pw@127.0.0.1:${server.port}`);
      const findings = await checkRedis(driver);
      for (const name of ['version', 'eviction', 'clock'] as const)
        expect(levelOf(findings, name), name).to.equal('warn');
      const refused = await failure(() => driver.subscribe('foreign'));
      expect(refused.error.message).to.match(/^NOPERM/);
    });

    it('H81: a clock that differs is a warning in the right direction', async () => {
      const driver = await connected(server.url);
      const behind = (await checkRedis(driver, () => Date.now() - 5_000)).find(
        ({ name }) => name === 'clock',
      );
      expect(behind?.level).to.equal('warn');
      expect(behind?.message).to.match(/(?:49\d\d|50\d\d) ms ahead/);
      expect(levelOf(await checkRedis(driver, () => Date.now() - 500), 'clock')).to.equal('ok');
    });

    it('H70: a replica is named; its refusal to write is an outage, which ends with it', async () => {
      const driver = await connected(server.url);
      const admin = await observer(server.url);
      cleanups.push(() => admin.destroy());
      await admin.sendCommand(['REPLICAOF', '127.0.0.1', String(await freePort())]);
      expect(levelOf(await checkRedis(driver), 'role')).to.equal('error');
      const { error } = await failure(() => driver.commands.set('key', 'value'));
      expect(error).to.be.instanceOf(StoreUnavailableError);
      expect(error.message).to.include('READONLY');
      expect(error.mayHaveRun).to.equal(false);
      await admin.sendCommand(['REPLICAOF', 'NO', 'ONE']);
      await waitFor(() => driver.status().state === 'ready', 'the new connection');
      expect(await driver.commands.set('key', 'value')).to.equal('OK');
    });

    it('a wrong password is refused at once, by name', async () => {
      const guarded = await startRedis({ password: 'secret' });
      cleanups.unshift(() => guarded.stop());
      const { error, afterMs } = await failure(() => connectRedis({ url: guarded.url, password: 'wrong' }));
      expect(error.message).to.include('WRONGPASS');
      expect(afterMs).to.be.below(2_000);
    });
  });
});
