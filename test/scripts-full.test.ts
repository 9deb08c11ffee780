import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshTenant, TestBroker } from './support/broker.js';
import { take } from './support/locks.js';
import { needsRedisServer, type Observer, observer, type RedisServer, startRedis } from './support/redis.js';
import { waitUntil } from './support/wait.js';

describe('[A7] [P6] a Redis that is full', () => {
  const LEASE_MS = 3_000;
  let server: RedisServer;
  let broker: TestBroker;
  let redis: Observer;
  const tenant = freshTenant();

  before('a redis-server', async function () {
    needsRedisServer(this, 'scripts on a full Redis');
    server = await startRedis({ config: { 'maxmemory-policy': 'noeviction' } });
    redis = await observer(server.url);
    broker = await TestBroker.start({ redisUrl: server.url });
    await broker.policy(tenant, { beatMs: 1_000, leaseMs: LEASE_MS });
  });
  after(async () => {
    await broker?.close();
    redis?.destroy();
    await server?.stop();
  });

  it('ends nobody: who is in stays in and gets out, and only what is new has to wait', async () => {
    const [ada, grace] = await Promise.all(['ada', 'grace'].map((name) => broker.connect(tenant, name)));
    if (!ada || !grace) throw new Error('two are needed');
    const { fence } = await take(ada, 'invoices/1');
    await redis.configSet('maxmemory', '1mb');
    await redis.set('filler', 'x').then(
      () => expect.fail('Redis is not full'),
      (error: unknown) => expect(String(error)).to.match(/OOM/),
    );

    const stranger = await broker.connect(tenant, 'alan');
    expect(stranger.error).to.include({ code: 'unavailable' });
    expect(await grace.acquire('invoices/2')).to.deep.include({ ok: false });
    expect(
      await grace.refused('lock:acquire', { resource: 'invoices/3', requestId: randomUUID() }),
    ).to.include({
      code: 'unavailable',
    });

    const startedAt = performance.now();
    await waitUntil(() => performance.now() - startedAt > 1.5 * LEASE_MS, 'a lease to pass', 3 * LEASE_MS);
    expect((await ada.heartbeat({ dirty: true })).ok, 'a heartbeat').to.equal(true);
    expect(await broker.core.sessions.count(tenant)).to.equal(2);
    expect(await ada.does('lock:release', { resource: 'invoices/1', fence })).to.include({ released: true });

    await grace.drop();
    const back = await broker.connect(tenant, 'grace', { auth: { resume: grace.resume } });
    expect(back.error, 'a resumption').to.equal(undefined);
    for (const client of [ada, back]) await client.does('session:end', {});
    await waitUntil(async () => (await broker.core.sessions.count(tenant)) === 0, 'both to be out');
    await redis.configSet('maxmemory', '0');
    expect((await broker.connect(tenant, 'alan')).welcome.resumed).to.equal(false);
  });
});
