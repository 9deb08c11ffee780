import { expect } from 'chai';
import { checkRedis } from 'lastcall/internal/redis/checks.js';
import { isUnavailable, StoreUnavailableError } from 'lastcall/internal/redis/driver.js';
import {
  connected,
  failure,
  INCREMENT,
  levelOf,
  messagesOf,
  onCleanup,
  useDriverHooks,
} from './support/driver.js';
import { startProxy } from './support/proxy.js';
import { needsRedisServer, observer, type RedisServer, startRedis, waitFor } from './support/redis.js';

describe('H64: the Redis driver, when Redis fails', () => {
  useDriverHooks();

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
    await driver.functionLoad(INCREMENT);
    server.pause();
    const failures = await Promise.all(
      Array.from({ length: 7 }, () => failure(() => driver.fcall('test_increment', ['frozen'], []))),
    );
    for (const { error, afterMs } of failures) {
      expect(error).to.be.instanceOf(StoreUnavailableError);
      expect(error.mayHaveRun).to.equal(true);
      expect(afterMs).to.be.within(1_700, 2_400);
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

  it('[N10] an answer that comes too late ends its connection, and what waits for it fails with it', async () => {
    const proxy = await startProxy(server.port);
    onCleanup(() => proxy.stop());
    const driver = await connected(`redis://127.0.0.1:${proxy.port}`, { commandTimeoutMs: 1_000 });
    proxy.delay(2_000);
    const first = failure(() => driver.commands.incr('late'));
    await waitFor(() => driver.isSlow, 'it to be noticed');
    const second = await failure(() => driver.commands.incr('late'));
    expect((await first).error.mayHaveRun).to.equal(true);
    expect(second.error.mayHaveRun).to.equal(true);
    await waitFor(() => driver.status().state === 'lost', 'the loss');
    expect((await failure(() => driver.commands.incr('late'))).error.mayHaveRun).to.equal(false);
    proxy.delay(0);
    await waitFor(() => driver.status().state === 'ready', 'the recovery');
    expect(Number(await driver.commands.get('late')), 'each at most once').to.be.at.most(2);
  });

  it('[N10] what waits for an answer is bounded: more is refused at once', async () => {
    const driver = await connected(server.url);
    server.pause();
    const asked = Array.from({ length: 20_000 }, () => failure(() => driver.commands.get('key')));
    const { error, afterMs } = await failure(() => driver.commands.get('key'));
    server.resume();
    expect(error).to.be.instanceOf(StoreUnavailableError);
    expect(error.mayHaveRun).to.equal(false);
    expect(afterMs).to.be.below(100);
    await Promise.allSettled(asked);
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
    onCleanup(() => proxy.stop());
    const driver = await connected(`redis://127.0.0.1:${proxy.port}`);
    await driver.functionLoad(INCREMENT);
    for (let round = 1; round <= 5; round += 1) {
      proxy.cutNextReply();
      const { error, afterMs } = await failure(() => driver.fcall('test_increment', ['once'], []));
      expect(error.mayHaveRun).to.equal(true);
      expect(afterMs).to.be.below(1_000);
      await waitFor(() => driver.status().state === 'ready', 'the recovery');
      expect(await driver.commands.get('once')).to.equal(String(round));
    }
  });

  it('H45: a dead link is noticed though nothing is asked', async () => {
    const proxy = await startProxy(server.port);
    onCleanup(() => proxy.stop());
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
    onCleanup(() => killer.destroy());
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
