import type { AuditRecord } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { checkHistory, historyOf } from './support/history.js';
import { endOf, expectRunOut, gapsIn } from './support/lease.js';
import { type OwnStore, ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';

const SHORT = { beatMs: 500, leaseMs: 1_500 } as const;

describe('the sweep', () => {
  let store: OwnStore;
  const running: TestBroker[] = [];

  beforeEach(async () => {
    store = await ownStore();
  });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((broker) => broker.close()));
    await store.stop();
  });

  async function start(): Promise<TestBroker> {
    const broker = await TestBroker.start({ redisUrl: store.url });
    running.push(broker);
    return broker;
  }

  async function stop(broker: TestBroker): Promise<void> {
    running.splice(running.indexOf(broker), 1);
    await broker.close();
  }

  async function briefTenant(broker: TestBroker): Promise<string> {
    const tenant = freshTenant();
    await broker.policy(tenant, SHORT);
    return tenant;
  }

  /** A session without a socket: nobody will send a heartbeat for it. */
  async function openSilent(broker: TestBroker, tenant: string, user: string) {
    const opened = await broker.core.sessions.open(administrator(tenant, user), { address: '192.0.2.1' });
    const { sessionId } = opened.attachment;
    const { openedAt: lastBeatAt } = await broker.core.sessions.get(tenant, sessionId);
    return { ...SHORT, tenant, sessionId, lastBeatAt };
  }

  /** Ends a client's heartbeats; answers what its end is measured by. */
  async function silence(broker: TestBroker, tenant: string, client: TestClient) {
    client.answersBeats = false;
    await client.drop();
    const { sessionId } = client;
    const state = async () => (await broker.core.sessions.get(tenant, sessionId)).state;
    await waitUntil(async () => (await state()) === 'disconnected', 'the disconnection');
    const { lastBeatAt } = await broker.core.sessions.get(tenant, sessionId);
    return { ...SHORT, tenant, sessionId, lastBeatAt };
  }

  /** Nobody is there to sweep for longer than a lease. */
  async function nobodyFor(ms: number): Promise<void> {
    const since = performance.now();
    await waitUntil(() => performance.now() - since >= ms, 'the gap', ms + 1_000);
  }

  it('[P1] [P4] ends each of hundreds of sessions once, whoever of two brokers comes first', async () => {
    const brokers = [await start(), await start()] as const;
    const tenant = await briefTenant(brokers[0]);
    const silent = await Promise.all(
      Array.from({ length: 300 }, (_, i) => openSilent(brokers[i % 2 === 0 ? 0 : 1], tenant, `user-${i}`)),
    );
    const { core } = brokers[0];
    await waitUntil(async () => (await core.sessions.count(tenant)) === 0, 'all to be ended', 15_000);
    const records = await historyOf(core, tenant);
    const ends = new Map<string, AuditRecord>();
    for (const record of records) {
      if (record.type !== 'session.ended') continue;
      expect(ends.has(record.sessionId ?? ''), 'a second end').to.equal(false);
      ends.set(record.sessionId ?? '', record);
    }
    const isDelayed = gapsIn(records).length > 0;
    for (const { sessionId, lastBeatAt } of silent) {
      const at = ends.get(sessionId)?.at ?? 0;
      expect(at - lastBeatAt).to.be.within(SHORT.leaseMs, isDelayed ? 30_000 : SHORT.leaseMs + 1_000);
    }
    await checkHistory(core, tenant);
  });

  it('[S8] a lease that had not run out gets the length of the gap and two beats more; the gap is recorded', async () => {
    const first = await start();
    const tenant = await briefTenant(first);
    const client = await first.connect(tenant, 'ada');
    const silent = await openSilent(first, tenant, 'grace');
    await client.acquire('invoices/1');
    const linus = await openSilent(first, tenant, 'linus');
    const order = await first.core.orders.create(administrator(tenant), tenant, {
      action: 'logoff',
      target: { sessions: [linus.sessionId] },
      message: 'Please save your work.',
      reason: 'admin',
      graceMs: 1_200,
      holdMs: 0,
    });
    await stop(first);
    await nobodyFor(2_500);

    const second = await start();
    const { core } = second;
    const back = await second.connect(tenant, 'ada', { auth: { resume: client.resume } });
    expect(back.welcome.resumed, 'resumed though its lease ran out meanwhile').to.equal(true);
    expect(back.welcome.locks.map(({ resource }) => resource)).to.deep.equal(['invoices/1']);
    await waitUntil(async () => gapsIn(await historyOf(core, tenant)).length > 0, 'the gap to be recorded');
    const [gap] = gapsIn(await historyOf(core, tenant));
    expect((gap?.to ?? 0) - (gap?.from ?? 0)).to.be.within(2_000, 10_000);

    // What was due by an order is done at once, by its order, once.
    const due = await endOf(core, tenant, linus.sessionId);
    expect(due).to.include({ reason: 'admin', orderId: order.id });
    expect(due.at - (gap?.to ?? 0)).to.be.within(0, 1_000);

    const end = await expectRunOut(core, silent);
    const gaps = gapsIn(await historyOf(core, tenant)).filter(({ from }) => from < end.at);
    const credit = gaps.reduce((sum, { from, to }) => sum + to - from + 2 * SHORT.beatMs, 0);
    expect(end.at).to.be.at.least(silent.lastBeatAt + SHORT.leaseMs + credit);
    expect((await core.sessions.get(tenant, back.sessionId)).state, 'who came back stays').to.equal('active');

    // The gap is over: neither a session of before nor a new one lives longer for it.
    await Promise.all([
      expectRunOut(core, await silence(second, tenant, back)),
      expectRunOut(core, await openSilent(second, tenant, 'alan')),
    ]);
    await checkHistory(core, tenant);
  });

  it('[S8] gaps that follow each other add up', async () => {
    let broker = await start();
    const tenant = await briefTenant(broker);
    const silent = await openSilent(broker, tenant, 'ada');
    for (let round = 1; round <= 2; round += 1) {
      await stop(broker);
      await nobodyFor(1_600);
      broker = await start();
      await waitUntil(async () => gapsIn(await historyOf(broker.core, tenant)).length >= round, 'the gap');
    }
    const end = await expectRunOut(broker.core, silent);
    const gaps = gapsIn(await historyOf(broker.core, tenant)).filter(({ from }) => from < end.at);
    expect(gaps.length).to.be.at.least(2);
    const credit = gaps.reduce((sum, { from, to }) => sum + to - from + 2 * SHORT.beatMs, 0);
    expect(end.at).to.be.at.least(silent.lastBeatAt + SHORT.leaseMs + credit);
  });
});
