import { expect } from 'chai';
import { connectRedis } from 'lastcall/internal/redis/driver.js';
import { logKey } from 'lastcall/internal/redis/keys.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { leaseOf, type Purpose, Right } from 'lastcall/internal/right.js';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { send } from './support/http.js';
import { BrokerProcess } from './support/process.js';
import { placesOf, Receiver } from './support/receiver.js';
import { type Observer, observer } from './support/redis.js';
import { type OwnStore, ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';

const detailOf = async (url: string): Promise<string> => {
  const { body } = await send<{ checks: { name: string; detail: string }[] }>(`${url}/readyz`);
  return body.checks.find(({ name }) => name === 'webhooks')?.detail ?? '';
};

/** Opens sessions without sockets; each is one event. */
async function open(broker: TestBroker, tenant: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await broker.core.sessions.open(administrator(tenant, `user-${i}`), { address: '192.0.2.1' });
  }
}

describe('webhooks under faults', () => {
  let store: OwnStore;
  let redis: Observer;
  let receiver: Receiver;
  let running: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    store = await ownStore();
    redis = await observer(store.url);
    receiver = await Receiver.start();
  });
  afterEach(async () => {
    await Promise.all(running.map((one) => one.close()));
    running = [];
    await receiver.close();
    redis.destroy();
    await store.stop();
  });

  /** A broker; one that tells nobody only makes events. */
  async function start(env: Readonly<Record<string, string>> = receiver.env): Promise<TestBroker> {
    const broker = await TestBroker.start({ redisUrl: store.url, env });
    running.push(broker);
    return broker;
  }

  async function stop(broker: TestBroker): Promise<void> {
    running = running.filter((one) => one !== broker);
    await broker.close();
  }

  function expectOrder(tenant: string): void {
    const places = placesOf(receiver.events(tenant));
    expect(places).to.deep.equal(places.toSorted((a, b) => a - b));
  }

  it('[W2] [W4] all arrive, in order, after the endpoint failed in every way, and sessions go on meanwhile', async () => {
    const broker = await start();
    const tenant = freshTenant();
    for (const behaviour of [500, 'hang up'] as const) {
      receiver.behaviour = behaviour;
      const tried = receiver.attempts.length;
      await open(broker, tenant, 10);
      await waitUntil(() => receiver.attempts.length > tried, 'another attempt', 10_000);
    }
    expect(await detailOf(broker.url)).to.match(
      /^the endpoint takes nothing \(.*\); the oldest message has waited for \d+ s$/,
    );
    await receiver.close();
    await open(broker, tenant, 10);
    await waitUntil(
      async () => /ECONNREFUSED/.test(await detailOf(broker.url)),
      'a refused connection',
      10_000,
    );
    expect(receiver.taken).to.have.length(0);
    const { body } = await send<string>(`${broker.url}/metrics`);
    expect(Number(/^lastcall_webhook_lag_seconds (\S+)$/m.exec(body)?.[1])).to.be.greaterThan(0);
    expect(Number(/^lastcall_webhook_lag_records (\S+)$/m.exec(body)?.[1])).to.be.at.least(30);

    receiver.behaviour = 204;
    await receiver.open();
    const told = await receiver.took(tenant, 30, 15_000);
    expect(told).to.have.length(30);
    expectOrder(tenant);
    expect(receiver.mostAtOnce).to.equal(1);
    expect(receiver.forged).to.equal(0);
    const stamps = receiver.attempts
      .filter(({ id }) => id === told[0]?.id)
      .map(({ headers }) => headers['webhook-timestamp']);
    expect(new Set(stamps).size, 'each attempt has its own instant').to.be.greaterThan(1);
    await waitUntil(
      async () => (await detailOf(broker.url)) === 'delivering; nothing waits',
      'the good news',
    );
  });

  it('[W2] [W3] two brokers deliver one tenant without getting into each other’s way, and many side by side', async () => {
    const brokers = [await start(), await start()] as const;
    const tenants = Array.from({ length: 12 }, freshTenant);
    receiver.slownessMs = 5;
    await Promise.all(tenants.flatMap((tenant) => brokers.map((broker) => open(broker, tenant, 10))));
    for (const tenant of tenants) {
      await receiver.took(tenant, 20, 10_000);
      expectOrder(tenant);
      const places = placesOf(receiver.attempts.filter(({ message }) => message.data.tenant === tenant));
      expect(places, 'nothing fails, so nothing comes twice').to.deep.equal([...new Set(places)]);
    }
    expect(receiver.mostAtOnce, 'requests of one tenant at once').to.equal(1);
  });

  it('[W2] [P5] nothing is lost when the broker that delivers is killed; another goes on within seconds', async () => {
    const maker = await start({});
    const tenant = freshTenant();
    await open(maker, tenant, 1);
    const teller = await BrokerProcess.start({ redisUrl: store.url, env: receiver.env });
    running.push({ close: () => teller.remove() });
    receiver.slownessMs = 20;
    await open(maker, tenant, 60);
    await receiver.took(tenant, 10, 10_000);
    await start();
    await teller.kill();
    const killedAt = performance.now();
    expect(receiver.events(tenant).length).to.be.below(60);
    const told = await receiver.took(tenant, 60, 15_000);
    expect(told).to.have.length(60);
    expectOrder(tenant);
    expect(receiver.attempts.length, 'only what was under way comes again').to.be.at.most(61);
    expect(performance.now() - killedAt).to.be.below(12_000);
  });

  it('[W3] one has the right to deliver; who lost it changes nothing', async () => {
    const silent = await start({});
    const tenant = freshTenant();
    await open(silent, tenant, 3);
    const { epoch } = (await silent.core.audit.list(tenant, {}, { limit: 1 })).items[0] as { epoch: number };
    const driver = await connectRedis({ url: store.url });
    running.push({ close: () => driver.close() });
    const scripts = new Store(driver);
    const purpose: Purpose = { name: 'hook', stepMs: 10_000 };
    const hookKey = logKey(tenant).replace(/log$/, 'hook');
    const node = (id: string, alive: readonly string[]) => ({ id, aliveJson: () => JSON.stringify(alive) });
    const claim = (id: string, alive: readonly string[]) =>
      Right.claim({ store: scripts, tenant, nodes: node(id, alive), purpose }, false);

    const { claimed, right: first } = await claim('a', ['a', 'b']);
    expect(claimed).to.include({ granted: true, epoch, rev: 0, head: 3, isNew: true });
    const refused = await claim('b', ['a', 'b']);
    expect(refused.right).to.equal(undefined);
    expect(refused.claimed.waitMs).to.be.within(1, 1_000);
    expect((await claim('b', ['b'])).right, 'who is not known yet may just have begun').to.equal(undefined);
    first?.pass({ epoch, rev: 1 });
    expect(await first?.keep()).to.equal(true);

    // As if it had said nothing for 4 s and lapsed.
    await redis.hSet(hookKey, 'untilAt', String(Date.now() + leaseOf(purpose) - 4_000));
    expect((await claim('b', ['a', 'b'])).right, 'alive and slow').to.equal(undefined);
    const { claimed: taken, right: second } = await claim('b', ['b']);
    expect(taken).to.include({ granted: true, rev: 1, isNew: false });
    first?.pass({ epoch, rev: 3 });
    expect(await first?.keep()).to.equal(false);
    await first?.postpone(5, 60_000, 0);
    await first?.giveBack();
    expect(await redis.hGetAll(hookKey))
      .to.include({ holder: 'b', rev: '1' })
      .and.not.have.property('retryAt');

    second?.pass({ epoch, rev: 3 });
    await second?.giveBack();
    expect((await claim('a', ['a', 'b'])).claimed).to.include({ granted: false, waitMs: 0, rev: 3 });
  });

  it('[W2] what was recorded while no broker delivered is delivered by the next one, from where the last one stopped', async () => {
    const first = await start();
    const tenant = freshTenant();
    await open(first, tenant, 5);
    await receiver.took(tenant, 5);
    await stop(first);
    const silent = await start({});
    await open(silent, tenant, 5);
    const before = receiver.attempts.length;
    await start();
    await receiver.took(tenant, 10);
    expect(receiver.attempts.slice(before)).to.have.length(5);
    expectOrder(tenant);
  });

  it('[W1] what happened before webhooks were set up is not told', async () => {
    const silent = await start({});
    const [old, young] = [freshTenant(), freshTenant()];
    await open(silent, old, 3);
    const broker = await start();
    await open(silent, old, 2);
    await open(broker, young, 2);
    await receiver.took(young, 2);
    await receiver.took(old, 2);
    expect(receiver.events(old).map(({ message }) => message.data.rev)).to.deep.equal([4, 5]);
  });

  it('[W4] an endpoint that is gone is left alone and readiness says so, until the broker starts again', async () => {
    const broker = await start();
    const tenant = freshTenant();
    receiver.behaviour = 410;
    await open(broker, tenant, 3);
    await waitUntil(async () => /410 Gone/.test(await detailOf(broker.url)), 'readiness to say so');
    const { status } = await send(`${broker.url}/readyz`);
    expect(status, 'it still serves sessions').to.equal(200);
    await open(broker, tenant, 3);
    expect(receiver.attempts).to.have.length(1);
    receiver.behaviour = 200;
    await stop(broker);
    await start();
    await receiver.took(tenant, 6);
    expectOrder(tenant);
  });

  it('[W5] records that left the stream are said to be lost, and delivery goes on with the oldest', async () => {
    const broker = await start();
    const tenant = freshTenant();
    await open(broker, tenant, 2);
    await receiver.took(tenant, 2);
    receiver.behaviour = 503;
    await open(broker, tenant, 8);
    await waitUntil(() => receiver.attempts.length > 2, 'a failure');
    await redis.sendCommand(['XTRIM', logKey(tenant), 'MAXLEN', '3']);
    receiver.behaviour = 200;
    await receiver.took(tenant, 5, 10_000);
    expect(receiver.events(tenant).map(({ message }) => message.data.rev)).to.deep.equal([1, 2, 8, 9, 10]);
    expect(await detailOf(broker.url)).to.match(/; 5 records left the stream before they could be sent/);
    expect((await send<string>(`${broker.url}/metrics`)).body).to.match(
      /^lastcall_webhook_lost_records_total 5$/m,
    );
  });

  it('[W2] [W5] a store that lost its data begins a new epoch, whose events are told from its first', async () => {
    const broker = await start();
    const tenant = freshTenant();
    const ada = await broker.connect(tenant, 'ada');
    const [before] = await receiver.took(tenant, 1);
    await redis.sendCommand(['FLUSHALL']);
    // What was lost is opened anew from its verified token.
    await ada.heartbeat();
    await waitUntil(() => receiver.events(tenant).length > 1, 'an event of the new epoch', 10_000);
    const epochs = receiver.events(tenant).map(({ message }) => message.data.epoch);
    expect(new Set(epochs).size).to.equal(2);
    expect(Math.min(...epochs)).to.equal(before?.message.data.epoch);
    expectOrder(tenant);
  });
});
