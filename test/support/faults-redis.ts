import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { administrator, freshTenant, type TestBroker, type TestClient } from './broker.js';
import { BRIEF, brokerOn, type Cleanups, endsIn, sessionOf, take } from './faults.js';
import { checkHistory, historyOf } from './history.js';
import { expectRunOut, gapsIn, lastBeatOf } from './lease.js';
import { startRedis } from './redis.js';
import { waitUntil } from './wait.js';

/** While Redis is stopped: commands are refused in time, nothing is granted, nobody is let in. */
async function knock(
  broker: TestBroker,
  tenant: string,
  client: TestClient,
  resume: TestClient['resume'],
): Promise<void> {
  const startedAt = performance.now();
  const [acquired, beaten, stranger, returning] = await Promise.all([
    client.refused('lock:acquire', { resource: 'invoices/2', requestId: randomUUID() }),
    client.refused('heartbeat', { idleMs: 0 }),
    broker.connect(tenant, 'stranger'),
    broker.connect(tenant, 'leaver', { auth: { resume } }),
  ]);
  const tookMs = performance.now() - startedAt;
  const codes = [acquired.code, beaten.code, stranger.error?.code, returning.error?.code];
  expect(codes).to.deep.equal(codes.map(() => 'unavailable'));
  expect(tookMs, 'milliseconds until the refusal').to.be.below(3_500);
  const { ok, checks } = await broker.broker.health.ready();
  expect(ok).to.equal(false);
  expect(checks.find(({ name }) => name === 'reach')?.detail).to.match(/Check that Redis runs/);
}

/** Redis stopped for twice the lease, and continued. */
export async function outlastRedis(cleanups: Cleanups): Promise<void> {
  const redis = await startRedis();
  cleanups.add(() => redis.stop());
  cleanups.add(() => redis.resume());
  const brokers = [await brokerOn(redis.url, cleanups), await brokerOn(redis.url, cleanups)] as const;
  const [broker] = brokers;
  const tenant = freshTenant();
  await broker.policy(tenant, BRIEF);
  const clients = await Promise.all(brokers.map((one, i) => one.connect(tenant, `user-${i}`)));
  const [ada] = clients as [TestClient, TestClient];
  const fence = await take(ada, 'invoices/1');
  const leaver = await broker.connect(tenant, 'leaver');

  redis.pause();
  const stoppedAt = performance.now();
  const hasPassed = (ms: number) =>
    waitUntil(() => performance.now() - stoppedAt > ms, 'the stop', ms + 5_000);
  await leaver.drop();
  await knock(broker, tenant, ada, leaver.resume);
  await hasPassed(2 * BRIEF.leaseMs);
  await knock(broker, tenant, ada, leaver.resume);
  redis.resume();

  for (const client of clients) {
    await waitUntil(async () => (await client.heartbeat()).ok, 'heartbeats to be answered', 10_000);
    expect(client.disconnected, 'still on the same socket').to.equal(false);
    expect(client.last('logoff')).to.equal(undefined);
  }
  expect(await ada.does('lock:check', { resource: 'invoices/1', fence })).to.include({ valid: true });
  expect((await take(ada, 'invoices/2')) > fence).to.equal(true);
  expect((await broker.broker.health.ready()).ok).to.equal(true);
  await expectNoGhosts(broker, tenant, leaver);
  const back = await broker.connect(tenant, 'leaver', { auth: { resume: leaver.resume } });
  expect(back.welcome.resumed).to.equal(true);
  const records = await historyOf(broker.core, tenant);
  expect(endsIn(records).filter(({ user }) => user?.id !== 'stranger')).to.deep.equal([]);
  expect(gapsIn(records).length, 'the gap is recorded').to.be.at.least(1);
  await expectVerified(broker, tenant, back);

  // And the promise holds again, for whoever falls silent now.
  const silent = await broker.connect(tenant, 'grace', { answersBeats: false });
  const { sessionId } = silent;
  const lastBeatAt = await lastBeatOf(broker.core, tenant, sessionId);
  await expectRunOut(broker.core, { ...BRIEF, tenant, sessionId, lastBeatAt });
  for (const client of clients) expect((await sessionOf(broker, tenant, client)).state).to.equal('active');
  await checkHistory(broker.core, tenant);
}

/**
 * What happened while Redis was stopped is made up for: it learns of the socket that was closed, and that nobody is
 * there whose opening or resumption it carried out when it woke, though they were refused long before.
 */
async function expectNoGhosts(broker: TestBroker, tenant: string, leaver: TestClient): Promise<void> {
  const isGone = async (): Promise<boolean> => {
    const strangers = await broker.core.sessions.list(tenant, { user: 'stranger' }, { limit: 10 });
    const states = [...strangers.items, await sessionOf(broker, tenant, leaver)].map(({ state }) => state);
    return states.every((state) => state === 'disconnected');
  };
  await waitUntil(isGone, 'the sockets that are not there to be given up');
}

/** A logoff leaves nothing unproved: no socket is thought of that is not there. */
async function expectVerified(broker: TestBroker, tenant: string, client: TestClient): Promise<void> {
  const { orders } = broker.core;
  const { id } = await orders.create(administrator(tenant), tenant, {
    action: 'logoff',
    target: { sessions: [client.sessionId] },
    message: 'Please save your work.',
    reason: 'admin',
    graceMs: 0,
    holdMs: 0,
  });
  await waitUntil(async () => (await orders.get(tenant, id)).state === 'done', 'the order to be done');
  expect(await orders.receipt(tenant, id, client.sessionId)).to.include({
    verified: true,
    outcome: 'forced',
  });
}

/** Redis killed and started again on the data it acknowledged. */
export async function restartRedis(cleanups: Cleanups): Promise<void> {
  const redis = await startRedis({ appendonly: true, config: { appendfsync: 'always' } });
  cleanups.add(() => redis.stop());
  const broker = await brokerOn(redis.url, cleanups);
  const tenant = freshTenant();
  const ada = await broker.connect(tenant, 'ada');
  const fence = await take(ada, 'invoices/1');
  const order = await broker.core.orders.create(administrator(tenant), tenant, {
    action: 'warn',
    target: { all: true },
    message: 'Please save your work.',
    reason: 'admin',
    graceMs: 60_000,
  });
  await redis.restart();
  await waitUntil(async () => (await ada.heartbeat()).ok, 'heartbeats to be answered', 10_000);
  expect(await ada.does('lock:check', { resource: 'invoices/1', fence })).to.include({ valid: true });
  expect((await broker.core.orders.get(tenant, order.id)).state).to.equal('pending');
  expect(ada.disconnected).to.equal(false);
  await checkHistory(broker.core, tenant);
}
