import { type AddressInfo, createServer } from 'node:net';
import { expect } from 'chai';
import { checkRedis } from 'lastcall/internal/redis/checks.js';
import { connectRedis, isUnavailable, StoreUnavailableError } from 'lastcall/internal/redis/driver.js';
import { describeAddress, parseRedisUrl, RedisUrlError } from 'lastcall/internal/redis/url.js';
import {
  connected,
  failure,
  INCREMENT,
  levelOf,
  messagesOf,
  onCleanup,
  PUBLISH,
  useDriverHooks,
} from './support/driver.js';
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

describe('the Redis driver', () => {
  useDriverHooks();

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
        await driver.functionLoad(INCREMENT);
        await driver.commands.del(key);
        expect(await driver.fcall('test_increment', [key], [])).to.equal(1);
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

      it('H65: a function that Redis does not have is said to be that, not an outage', async () => {
        const driver = await connected(url);
        const { error } = await failure(() => driver.fcall('test_nothing', ['lc:{t}:k'], []));
        expect(error.message).to.match(/^ERR Function not found$/);
        expect(isUnavailable(error)).to.equal(false);
      });

      it('gives every primary a library once, names those it has, and takes one away once', async () => {
        const driver = await connected(url);
        for (const _ of ['given', 'there already']) await driver.functionLoad(INCREMENT);
        const before = await driver.functionList('test_incr*');
        expect(new Set(before.flat())).to.deep.equal(new Set(['test_increment']));
        for (const _ of ['taken', 'gone already']) await driver.functionDelete('test_increment');
        expect((await driver.functionList('test_incr*')).flat()).to.deep.equal([]);
        await driver.functionLoad(INCREMENT);
        expect(await driver.functionLoad('return 1').catch(String)).to.match(/Missing library/);
      });

      it('hears sharded channels, published from inside a script too, until it leaves them', async () => {
        const driver = await connected(url);
        const messages = messagesOf(driver);
        const channel = `lc:{driver-${process.pid}}:log`;
        await driver.functionLoad(PUBLISH);
        await driver.subscribe(channel);
        expect(await driver.fcall('test_publish', [channel], ['from a script'])).to.equal(1);
        await driver.commands.spublish(channel, 'from a client');
        await waitFor(() => messages.length === 2, 'both messages');
        expect(messages).to.deep.equal([`${channel} from a script`, `${channel} from a client`]);
        await driver.unsubscribe(channel);
        expect(await driver.commands.spublish(channel, 'to nobody')).to.equal(0);
        await driver.commands.del(channel);
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
        const { error, afterMs } = await failure(() => connectRedis({ url, connectTimeoutMs: 100 }));
        expect(error).to.be.instanceOf(StoreUnavailableError);
        expect(error.message).to.include(`127.0.0.1:${port}`).and.include('LASTCALL_REDIS_URL');
        expect(error.message).not.to.include('secret');
        expect(afterMs).to.be.below(2_000);
      }
    });

    it('does not start on what is not Redis, and says that it is not', async () => {
      const server = createServer(
        (socket) =>
          void socket
            .on('error', () => undefined)
            .resume()
            .end('HTTP/1.1 400\r\n'),
      );
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const url = `redis://127.0.0.1:${port}`;
      const { error } = await failure(() => connectRedis({ url, connectTimeoutMs: 500 }));
      await new Promise((resolve) => void server.close(resolve));
      expect(error.message).to.include('what answers there is not Redis');
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
      const behind = (await checkRedis(driver, { now: () => Date.now() - 5_000 })).find(
        ({ name }) => name === 'clock',
      );
      expect(behind?.level).to.equal('warn');
      expect(behind?.message).to.match(/(?:49\d\d|50\d\d) ms ahead/);
      expect(levelOf(await checkRedis(driver, { now: () => Date.now() - 500 }), 'clock')).to.equal('ok');
    });

    it('H70: a replica is named; its refusal to write is an outage, which ends with it', async () => {
      const driver = await connected(server.url);
      const admin = await observer(server.url);
      onCleanup(() => admin.destroy());
      await admin.sendCommand(['REPLICAOF', '127.0.0.1', String(await freePort())]);
      expect(levelOf(await checkRedis(driver), 'role')).to.equal('error');
      const { error } = await failure(() => driver.commands.set('key', 'value'));
      expect(error).to.be.instanceOf(StoreUnavailableError);
      expect(error.message).to.include('READONLY');
      expect(error.mayHaveRun).to.equal(false);
      await admin.sendCommand(['REPLICAOF', 'NO', 'ONE']);
      const write = (): Promise<unknown> => driver.commands.set('key', 'value').catch(() => undefined);
      await waitFor(async () => (await write()) === 'OK', 'the new connection');
    });

    it('a wrong password is refused at once, by name', async () => {
      const guarded = await startRedis({ password: 'secret' });
      onCleanup(() => guarded.stop());
      const { error, afterMs } = await failure(() => connectRedis({ url: guarded.url, password: 'wrong' }));
      expect(error.message).to.include('WRONGPASS');
      expect(afterMs).to.be.below(2_000);
    });
  });
});
