import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { connectRedis } from 'lastcall/internal/redis/driver.js';
import { assemble, SCRIPT_NAMES } from 'lastcall/internal/redis/scripts.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { blockEverything } from './support/blocks.js';
import { administrator, freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { lockEverything } from './support/lock-everything.js';
import { take as takeLock } from './support/locks.js';
import { maintainEverything } from './support/maintenance.js';
import { Receiver } from './support/receiver.js';
import {
  needsRedisServer,
  type Observer,
  observer,
  type RedisServer,
  startRedis,
  testStore,
} from './support/redis.js';
import { waitUntil } from './support/wait.js';

/** A library of a version that was there before. */
const OF_BEFORE = 'lastcall_session_open_000000000000';
const LIBRARY_OF_BEFORE = `#!lua name=${OF_BEFORE}
redis.register_function('${OF_BEFORE}', function() return 1 end)`;

/** Takes a free resource; answers its fence. */
const take = async (client: TestClient, resource: string): Promise<number> =>
  (await takeLock(client, resource)).fence;

/** Orders of a tenant, from the rehearsal to the receipts. */
async function orderEverything(
  broker: TestBroker,
  tenant: string,
  [ada, grace, alan]: TestClient[],
): Promise<void> {
  if (!ada || !grace || !alan) throw new Error('three are needed');
  const { orders } = broker.core;
  const root = administrator(tenant);
  const fixed = { message: 'Save your work.', reason: 'admin', graceMs: 60_000 } as const;
  await orders.preview(root, tenant, { ...fixed, action: 'logoff', target: { all: true } });
  const warning = await orders.create(root, tenant, {
    ...fixed,
    action: 'warn',
    target: { roles: ['user'] },
  });
  await orders.cancel(root, tenant, warning.id);
  const { id: orderId } = await orders.create(root, tenant, {
    ...fixed,
    action: 'logoff',
    target: { users: ['ada', 'grace'] },
    extend: { maxCount: 1, maxTotalMs: 60_000 },
    reentry: { denyMs: 60_000 },
  });
  await grace.saw('warning', (push) => push.orderId === orderId);
  await waitUntil(async () => (await orders.get(tenant, orderId)).counts.delivered === 2, 'both deliveries');
  await ada.does('order:extend', { orderId, ms: 1_000 });
  for (const client of [ada, grace]) {
    await client.does('order:ack', { orderId, state: 'saving' });
    await client.does('order:ack', { orderId, state: 'saved' });
  }
  await waitUntil(async () => (await orders.get(tenant, orderId)).counts.verified === 2, 'both receipts');
  const { items } = await orders.receipts(tenant, orderId, { limit: 100 });
  expect(items.map(({ outcome, verified }) => [outcome, verified])).to.deep.equal([
    ['clean', true],
    ['clean', true],
  ]);
  await orders.list(tenant, {}, { limit: 100 });
}

/** Sessions of a tenant: resumed, revived, looked at, ended. */
async function sessionEverything(
  broker: TestBroker,
  tenant: string,
  alan: TestClient,
  redis: Observer,
): Promise<void> {
  await alan.heartbeat({ dirty: true, view: 'Invoice {7}' });
  await redis.del(`lc:{${tenant}}:lease:${alan.sessionId}`);
  expect((await alan.heartbeat()).ok, 'the revival').to.equal(true);
  await alan.drop();
  const back = await broker.connect(tenant, 'alan', { auth: { resume: alan.resume } });
  expect(back.welcome.resumed).to.equal(true);
  await back.does('auth:refresh', { token: await broker.token(tenant, 'alan') });
  await broker.core.sessions.list(tenant, { user: 'alan' }, { limit: 10 });
  await broker.core.audit.note(tenant, 'audit.read', { kind: 'admin', id: 'root', name: 'Root' }, {});
  await blockEverything(broker, tenant);
  const signedOut = { issuer: 'https://login.example.com/', tokenId: randomUUID(), user: 'alan' };
  expect(await broker.core.logouts.carryOut(tenant, signedOut)).to.deep.equal({ ended: 1 });
  expect(await back.saw('logoff')).to.include({ reason: 'revoked' });
  const linus = await broker.connect(tenant, 'linus');
  await linus.does('session:end', {});
  await linus.saw('logoff');
}

describe('[A7] [P7] on a cluster', () => {
  let server: RedisServer;
  let broker: TestBroker;
  let redis: Observer;
  let receiver: Receiver;

  before('a cluster of one node with every slot', async function () {
    needsRedisServer(this, 'scripts on a cluster');
    server = await startRedis({ cluster: true });
    redis = await observer(server.url);
    receiver = await Receiver.start();
    await redis.functionLoad(LIBRARY_OF_BEFORE);
    broker = await TestBroker.start({
      redisUrl: `redis+cluster://127.0.0.1:${server.port}`,
      env: receiver.env,
    });
    // Whether this user may do what functions need was tried on one that is not there.
    await redis.configResetStat();
  });
  after(async () => {
    await broker?.close();
    await receiver?.close();
    redis?.destroy();
    await server?.stop();
  });

  for (const tenant of ['acme', 'globex-2.b_c']) {
    it(`every verb works within one tenant (${tenant})`, async () => {
      await broker.policy(tenant, { flushMs: 1_000 });
      const clients = await Promise.all(['ada', 'grace', 'alan'].map((name) => broker.connect(tenant, name)));
      await lockEverything(broker, tenant, clients);
      await orderEverything(broker, tenant, clients);
      await sessionEverything(broker, tenant, clients[2] as TestClient, redis);
      await waitUntil(() => receiver.ofType(tenant, 'session.ended').length === 4, 'the webhooks');
      await maintainEverything(broker, tenant);
      // Announced, closing, closed and lifted, besides planned.
      await waitUntil(() => receiver.ofType(tenant, 'maintenance.changed').length === 5, 'the webhooks');
    });
  }

  it('has nothing left of other versions, since none runs', async () => {
    const libraries = await redis.functionList({ LIBRARYNAME: 'lastcall_*' });
    expect(libraries.map(({ library_name: name }) => String(name))).to.not.include(OF_BEFORE);
    expect(libraries).to.have.lengthOf(SCRIPT_NAMES.length);
  });

  it('each of them was run, and Redis refused none', async () => {
    const driver = await connectRedis({ url: `redis+cluster://127.0.0.1:${server.port}` });
    const store = new Store(driver);
    // Only an order for more than 200 sessions and an answer that was lost need these.
    await store.run('order_step', 'acme', [randomUUID()]);
    await store.run('session_abandon', 'acme', [randomUUID(), 'claim', '[]']);
    await driver.close();
    const { body } = await broker.core.metrics.expose();
    const unseen = SCRIPT_NAMES.filter((name) => !body.includes(`script="${name}"`));
    expect(unseen).to.deep.equal(['order_step', 'session_abandon']);
    const { groups = {} } =
      /cmdstat_fcall:.*rejected_calls=(?<rejected>\d+),failed_calls=(?<failed>\d+)/.exec(
        await redis.info('commandstats'),
      ) ?? {};
    expect(groups).to.include({ rejected: '0', failed: '0' });
  });

  it('the keys of a tenant share one slot, and another tenant has another', async () => {
    const keys = await redis.keys('*');
    const slots = new Map<string, Set<number>>();
    const inUse = new Set<number>();
    for (const key of keys) {
      const tag = /^lc:\{([^{}]+)\}:/.exec(key)?.[1];
      if (tag === undefined) throw new Error(`${key} belongs to no tenant`);
      const found = slots.get(tag) ?? new Set();
      const slot = await redis.clusterKeySlot(key);
      slots.set(tag, found.add(slot));
      inUse.add(slot);
    }
    expect([...slots.keys()]).to.have.members(['acme', 'globex-2.b_c', '~']);
    for (const [tag, found] of slots) expect([...found], tag).to.have.lengthOf(1);
    expect(inUse.size).to.equal(slots.size);
  });

  it('a script that strays into another tenant is refused', async () => {
    const stray = "#!lua\nredis.call('SET', 'lc:{globex-2.b_c}:stray', '1')\n";
    const refusal = await redis.eval(stray, { keys: ['lc:{acme}:rev'] }).catch(String);
    expect(refusal).to.match(/slot/);
    expect(await redis.exists('lc:{globex-2.b_c}:stray')).to.equal(0);
  });
});

describe('[A7] a Redis that forgets the scripts', () => {
  const FLUSH_EVERY_MS = 3;
  const RESOURCES = 150;

  it('has what this version runs by, and in the end nothing that another one left', async () => {
    const { url } = await testStore();
    const driver = await connectRedis({ url });
    const names = async (): Promise<string[]> => (await driver.functionList('lastcall_*')).flat();
    try {
      await driver.functionLoad(LIBRARY_OF_BEFORE);
      expect(await names()).to.include(OF_BEFORE);
      const store = new Store(driver);
      await store.load();
      expect(await names(), 'while another version may need it').to.include(OF_BEFORE);
      await store.tidy();
      expect((await names()).toSorted()).to.deep.equal(
        SCRIPT_NAMES.map((name) => assemble(name).called).toSorted(),
      );
    } finally {
      await driver.close();
    }
  });

  it('is given them again, and nothing is lost or done twice', async () => {
    const broker = await TestBroker.start();
    const redis = await observer((await testStore()).url);
    const tenant = freshTenant();
    const work = new AbortController();
    const forget = async (): Promise<number> => {
      let flushes = 0;
      for (; !work.signal.aborted; flushes += 1) {
        await redis.functionFlush();
        await delay(FLUSH_EVERY_MS);
      }
      return flushes;
    };
    const flushes = forget();
    try {
      const clients = await Promise.all(['ada', 'grace', 'alan'].map((name) => broker.connect(tenant, name)));
      const fences: number[] = [];
      for (let i = 0; i < RESOURCES; i += 3) {
        await Promise.all(
          clients.map(async (client, n) => {
            const resource = `invoices/${i + n}`;
            const fence = await take(client, resource);
            fences.push(fence);
            await client.heartbeat();
            expect(await client.does('lock:release', { resource, fence })).to.include({ released: true });
          }),
        );
      }
      work.abort();
      expect(await flushes).to.be.greaterThan(10);
      expect(new Set(fences).size).to.equal(RESOURCES);
      for (const type of ['lock.granted', 'lock.released']) {
        const { items } = await broker.core.audit.list(tenant, { type }, { limit: 1_000 });
        expect(items, type).to.have.lengthOf(RESOURCES);
      }
    } finally {
      work.abort();
      await flushes;
      redis.destroy();
      await broker.close();
    }
  });
});
