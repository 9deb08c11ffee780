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
  sessionId: string,
): Promise<void> {
  const startedAt = performance.now();
  const [acquired, beaten, stranger] = await Promise.all([
    client.refused('lock:acquire', { resource: 'invoices/2', requestId: randomUUID() }),
    client.refused('heartbeat', { idleMs: 0 }),
    broker.connect(tenant, 'stranger', { auth: { resume: { sessionId, key: 'x'.repeat(43) } } }),
  ]);
  const tookMs = performance.now() - startedAt;
  expect([acquired.code, beaten.code, stranger.error?.code]).to.deep.equal(Array(3).fill('unavailable'));
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
  await knock(broker, tenant, ada, ada.sessionId);
  await leaver.drop();
  await hasPassed(2 * BRIEF.leaseMs);
  await knock(broker, tenant, ada, ada.sessionId);
  redis.resume();

  for (const client of clients) {
    await waitUntil(async () => (await client.heartbeat()).ok, 'heartbeats to be answered', 10_000);
    expect(client.disconnected, 'still on the same socket').to.equal(false);
    expect(client.last('logoff')).to.equal(undefined);
  }
  expect(await ada.does('lock:check', { resource: 'invoices/1', fence })).to.include({ valid: true });
  expect((await take(ada, 'invoices/2')) > fence).to.equal(true);
  // What happened meanwhile is made up for: the registry learns of the socket that was closed.
  await waitUntil(
    async () => (await sessionOf(broker, tenant, leaver)).state === 'disconnected',
    'the disconnection',
  );
  const back = await broker.connect(tenant, 'leaver', { auth: { resume: leaver.resume } });
  expect(back.welcome.resumed).to.equal(true);
  expect((await broker.broker.health.ready()).ok).to.equal(true);
  const records = await historyOf(broker.core, tenant);
  expect(endsIn(records)).to.deep.equal([]);
  expect(gapsIn(records).length, 'the gap is recorded').to.be.at.least(1);

  // And the promise holds again, for whoever falls silent now.
  back.answersBeats = false;
  const lastBeatAt = await lastBeatOf(broker.core, tenant, back.sessionId);
  await expectRunOut(broker.core, { ...BRIEF, tenant, sessionId: back.sessionId, lastBeatAt });
  for (const client of clients) expect((await sessionOf(broker, tenant, client)).state).to.equal('active');
  await checkHistory(broker.core, tenant);
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
