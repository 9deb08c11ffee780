import { randomUUID } from 'node:crypto';
import type { Session, SessionState } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, freshTenant, type TestClient } from './support/broker.js';
import { take } from './support/faults.js';
import { historyOf } from './support/history.js';
import { Observed, observing } from './support/observed.js';
import { waitUntil } from './support/wait.js';

const LONG_MS = 600_000;

describe('sessions', () => {
  const bench = observing(new Observed());

  const sessionOf = ({ sessionId }: { sessionId: string }): Promise<Session> =>
    bench.broker.core.sessions.get(bench.tenant, sessionId);

  /** Comes back to a client's session with whatever is said otherwise. */
  const resume = (client: TestClient, sub = 'ada', more: { key?: string; tenant?: string } = {}) =>
    bench.broker.connect(more.tenant ?? bench.tenant, sub, {
      auth: { resume: { ...client.resume, ...(more.key === undefined ? {} : { key: more.key }) } },
    });

  async function until(client: TestClient, state: SessionState): Promise<void> {
    await waitUntil(async () => (await sessionOf(client)).state === state, `the session to be ${state}`);
  }

  function give(action: 'warn' | 'logoff', client: TestClient, graceMs: number) {
    return bench.broker.core.orders.create(administrator(bench.tenant), bench.tenant, {
      action,
      target: { sessions: [client.sessionId] },
      message: 'Please save your work.',
      reason: 'admin',
      graceMs,
      holdMs: 0,
    });
  }

  describe('opening', () => {
    it('[S1] gives each client a session of its own, and the whole truth', async () => {
      await bench.broker.policy(bench.tenant, { leaseMs: 45_000, beatMs: 15_000, idleAfterMs: 90_000 });
      const [one, two] = await Promise.all([
        bench.broker.connect(bench.tenant, 'ada'),
        bench.broker.connect(bench.tenant, 'ada'),
      ]);
      expect(one.sessionId).not.to.equal(two.sessionId);
      expect(one.welcome.resumeKey).not.to.equal(two.welcome.resumeKey);
      expect(Buffer.from(one.welcome.resumeKey, 'base64url')).to.have.length(32);
      expect(one.welcome).to.deep.include({
        resumed: false,
        tenant: bench.tenant,
        user: { id: 'ada', name: 'ada by name', roles: ['user'] },
        leaseMs: 45_000,
        beatMs: 15_000,
        orders: [],
        locks: [],
        waiting: [],
      });
      expect(one.welcome.policy).to.include({ version: 1, idleAfterMs: 90_000 });
      expect(one.pushes[0]?.event, 'the first thing it hears').to.equal('welcome');
    });

    it('[S1] tells at a resumption of orders, locks and places in queues', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada');
      const grace = await bench.broker.connect(bench.tenant, 'grace');
      const mine = await take(ada, 'invoices/1');
      await take(grace, 'invoices/2');
      const requestId = randomUUID();
      await ada.acquire('invoices/2', 60_000, requestId);
      const order = await give('warn', ada, LONG_MS);
      await ada.drop();
      const { welcome } = await resume(ada);
      expect(welcome.resumed).to.equal(true);
      expect(welcome.sessionId).to.equal(ada.sessionId);
      expect(welcome.locks.map(({ resource, fence }) => ({ resource, fence }))).to.deep.equal([
        { resource: 'invoices/1', fence: mine },
      ]);
      expect(welcome.waiting).to.deep.equal([{ requestId, resource: 'invoices/2', position: 1 }]);
      expect(welcome.orders.map(({ orderId }) => orderId)).to.deep.equal([order.id]);
      expect(welcome.orders[0]?.deadlineMs).to.be.within(LONG_MS - 20_000, LONG_MS);
    });

    it('[S1] [O4] what is ordered between the opening and the welcome reaches the client, once', async () => {
      await bench.broker.connect(bench.tenant, 'anchor');
      const warn = () =>
        bench.broker.core.orders.create(administrator(bench.tenant), bench.tenant, {
          action: 'warn',
          target: { all: true },
          message: 'Please save your work.',
          reason: 'admin',
          graceMs: LONG_MS,
        });
      const [orders, clients] = await Promise.all([
        Promise.all(Array.from({ length: 10 }, warn)),
        Promise.all(Array.from({ length: 20 }, (_, i) => bench.broker.connect(bench.tenant, `user-${i}`))),
      ]);
      for (const client of clients) {
        await waitUntil(() => client.all('warning').length >= orders.length, 'every warning');
        expect(client.pushes[0]?.event).to.equal('welcome');
        const told = client.all('warning').map(({ orderId, version }) => `${orderId} ${version}`);
        expect(new Set(told).size, 'each version once').to.equal(told.length);
      }
    });
  });

  describe('resuming', () => {
    it('[S2] an id that nobody knows gives a new session', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada', {
        auth: { resume: { sessionId: randomUUID(), key: 'x'.repeat(43) } },
      });
      expect(ada.welcome.resumed).to.equal(false);
    });

    it('[S2] a wrong key and another person are refused, for good, and learn nothing', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada');
      const wrongKey = await resume(ada, 'ada', { key: 'x'.repeat(43) });
      const somebodyElse = await resume(ada, 'mallory');
      expect(wrongKey.error).to.include({ code: 'forbidden', terminal: true });
      expect(wrongKey.error).to.have.all.keys('code', 'message', 'terminal');
      expect(somebodyElse.error).to.deep.equal(wrongKey.error);
      await ada.does('session:end', {});
      await until(ada, 'ended');
      expect((await resume(ada, 'mallory')).error, 'nor of its end').to.deep.equal(wrongKey.error);
    });

    it('[S2] [P7] a person of another tenant gets a session there, and none here', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada');
      const elsewhere = await resume(ada, 'ada', { tenant: freshTenant() });
      expect(elsewhere.welcome.resumed).to.equal(false);
      expect(elsewhere.sessionId).not.to.equal(ada.sessionId);
      expect(ada.disconnected).to.equal(false);
    });

    it('[S2] a token that says other roles and another name is believed', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada');
      const token = await bench.broker.broker.token({
        sub: 'ada',
        tenant: bench.tenant,
        name: 'Countess',
        roles: ['user', 'chief'],
      });
      await bench.broker.connect(bench.tenant, 'ada', { token, auth: { resume: ada.resume } });
      expect((await sessionOf(ada)).user).to.deep.equal({
        id: 'ada',
        name: 'Countess',
        roles: ['user', 'chief'],
      });
    });

    it('[S3] the older socket is told and closed; the session and its locks go on', async () => {
      const older = await bench.broker.connect(bench.tenant, 'ada');
      const fence = await take(older, 'invoices/1');
      const newer = await resume(older);
      await older.saw('superseded');
      await waitUntil(() => older.disconnected, 'the older socket to be closed');
      expect(newer.welcome.locks[0]).to.include({ resource: 'invoices/1', fence });
      await newer.heartbeat();
      expect((await sessionOf(newer)).state).to.equal('active');
      expect(await newer.does('lock:check', { resource: 'invoices/1', fence })).to.include({ valid: true });
      expect(newer.last('superseded')).to.equal(undefined);
    });

    it('[S3] of many sockets that resume at once one is left', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada');
      const rivals = await Promise.all(Array.from({ length: 8 }, () => resume(ada)));
      const left = (): TestClient[] => [ada, ...rivals].filter((client) => !client.disconnected);
      await waitUntil(() => left().length === 1, 'one socket');
      expect(await left()[0]?.heartbeat()).to.include({ ok: true });
      expect((await sessionOf(ada)).state).to.equal('active');
    });
  });

  describe('ending', () => {
    it('[S12] a sign-out ends as `user`; its locks pass on in the same instant', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada');
      const grace = await bench.broker.connect(bench.tenant, 'grace');
      await take(ada, 'invoices/1');
      const requestId = randomUUID();
      await grace.acquire('invoices/1', 60_000, requestId);
      await ada.does('session:end', {});
      expect(await grace.saw('lock:granted')).to.deep.include({ requestId });
      await waitUntil(() => ada.disconnected, 'its socket to be closed');
      const records = await historyOf(bench.broker.core, bench.tenant);
      const end = records.find(({ type }) => type === 'session.ended');
      expect(end).to.deep.include({ reason: 'user', by: { kind: 'user', id: 'ada', name: 'ada by name' } });
      const passed = records.filter(({ type }) => type === 'lock.lost' || type === 'lock.granted').slice(-2);
      expect(passed.map(({ type, at, rev }) => ({ type, at, rev }))).to.deep.equal([
        { type: 'lock.lost', at: end?.at, rev: (end?.rev ?? 0) + 1 },
        { type: 'lock.granted', at: end?.at, rev: (end?.rev ?? 0) + 2 },
      ]);
    });

    it('[S7] [O12] whoever resumes an ended session is told how it ended', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada');
      await ada.drop();
      const order = await give('logoff', ada, 0);
      await until(ada, 'ended');
      for (let round = 0; round < 2; round += 1) {
        const { error } = await resume(ada);
        expect(error).to.include({ code: 'session_ended', terminal: true });
        expect(error?.ended).to.deep.include({
          reason: 'admin',
          by: { kind: 'admin', id: 'root', name: 'Root' },
          message: 'Please save your work.',
          orderId: order.id,
        });
        expect(error?.ended?.endedAt).to.equal((await sessionOf(ada)).ended?.endedAt);
      }
      const keptMs = await bench.redis.pTTL(`lc:{${bench.tenant}}:session:${ada.sessionId}`);
      expect(keptMs, 'kept as a tombstone').to.be.within(86_000_000, 86_400_000);
    });

    it('[P1] whatever asks for it at once, there is one end, one reason and one record', async () => {
      const ada = await bench.broker.connect(bench.tenant, 'ada');
      const by = { kind: 'admin', id: 'root' } as const;
      const ended = await Promise.all([
        ...Array.from({ length: 5 }, () =>
          bench.broker.core.sessions.end(bench.tenant, ada.sessionId, { reason: 'admin', by }),
        ),
        give('logoff', ada, 0).then(() => false),
        ada.call('session:end', {}).then(
          () => false,
          () => false,
        ),
      ]);
      expect(ended.filter(Boolean).length).to.be.at.most(1);
      await waitUntil(() => ada.disconnected, 'its socket to be closed');
      const records = await historyOf(bench.broker.core, bench.tenant);
      const ends = records.filter(({ type }) => type === 'session.ended');
      expect(ends).to.have.length(1);
      expect((await sessionOf(ada)).ended).to.deep.include({ reason: ends[0]?.reason, endedAt: ends[0]?.at });
    });
  });
});
