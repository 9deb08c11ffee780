import { randomUUID } from 'node:crypto';
import {
  SESSION_STATES,
  SESSION_TRANSITIONS,
  type Session,
  type SessionFacts,
  type SessionState,
  sessionState,
} from '@lastcall/shared';
import { expect } from 'chai';
import type { SessionFilter } from 'lastcall/internal/sessions.js';
import { administrator, freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { historyOf } from './support/history.js';
import { type Observer, observer, testStore } from './support/redis.js';
import { read } from './support/sources.js';
import { waitUntil } from './support/wait.js';

const LONG_MS = 600_000;

describe('sessions', () => {
  let broker: TestBroker;
  let redis: Observer;
  let tenant: string;

  before(async () => {
    broker = await TestBroker.start();
    redis = await observer((await testStore()).url);
  });
  after(async () => {
    redis.destroy();
    await broker.close();
  });
  beforeEach(() => {
    tenant = freshTenant();
  });

  const sessionOf = ({ sessionId }: { sessionId: string }): Promise<Session> =>
    broker.core.sessions.get(tenant, sessionId);

  /** Comes back to a client's session with whatever is said otherwise. */
  const resume = (client: TestClient, sub = 'ada', more: { key?: string; tenant?: string } = {}) =>
    broker.connect(more.tenant ?? tenant, sub, {
      auth: { resume: { ...client.resume, ...(more.key === undefined ? {} : { key: more.key }) } },
    });

  async function fenceOf(client: TestClient, resource: string): Promise<number> {
    const answer = await client.does('lock:acquire', { resource, requestId: randomUUID() });
    if (answer.state !== 'granted') throw new Error('it was queued');
    return answer.lock.fence;
  }

  async function until(client: TestClient, state: SessionState): Promise<void> {
    await waitUntil(async () => (await sessionOf(client)).state === state, `the session to be ${state}`);
  }

  function give(action: 'warn' | 'logoff', client: TestClient, graceMs: number) {
    return broker.core.orders.create(administrator(tenant), tenant, {
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
      await broker.policy(tenant, { leaseMs: 45_000, beatMs: 15_000, idleAfterMs: 90_000 });
      const [one, two] = await Promise.all([broker.connect(tenant, 'ada'), broker.connect(tenant, 'ada')]);
      expect(one.sessionId).not.to.equal(two.sessionId);
      expect(one.welcome.resumeKey).not.to.equal(two.welcome.resumeKey);
      expect(Buffer.from(one.welcome.resumeKey, 'base64url')).to.have.length(32);
      expect(one.welcome).to.deep.include({
        resumed: false,
        tenant,
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
      const ada = await broker.connect(tenant, 'ada');
      const grace = await broker.connect(tenant, 'grace');
      const mine = await fenceOf(ada, 'invoices/1');
      await fenceOf(grace, 'invoices/2');
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
      await broker.connect(tenant, 'anchor');
      const warn = () =>
        broker.core.orders.create(administrator(tenant), tenant, {
          action: 'warn',
          target: { all: true },
          message: 'Please save your work.',
          reason: 'admin',
          graceMs: LONG_MS,
        });
      const [orders, clients] = await Promise.all([
        Promise.all(Array.from({ length: 10 }, warn)),
        Promise.all(Array.from({ length: 20 }, (_, i) => broker.connect(tenant, `user-${i}`))),
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
      const ada = await broker.connect(tenant, 'ada', {
        auth: { resume: { sessionId: randomUUID(), key: 'x'.repeat(43) } },
      });
      expect(ada.welcome.resumed).to.equal(false);
    });

    it('[S2] a wrong key and another person are refused, for good, and learn nothing', async () => {
      const ada = await broker.connect(tenant, 'ada');
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
      const ada = await broker.connect(tenant, 'ada');
      const elsewhere = await resume(ada, 'ada', { tenant: freshTenant() });
      expect(elsewhere.welcome.resumed).to.equal(false);
      expect(elsewhere.sessionId).not.to.equal(ada.sessionId);
      expect(ada.disconnected).to.equal(false);
    });

    it('[S2] a token that says other roles and another name is believed', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const token = await broker.broker.token({ sub: 'ada', tenant, name: 'Countess', roles: ['user', 'chief'] });
      await broker.connect(tenant, 'ada', { token, auth: { resume: ada.resume } });
      expect((await sessionOf(ada)).user).to.deep.equal({ id: 'ada', name: 'Countess', roles: ['user', 'chief'] });
    });

    it('[S3] the older socket is told and closed; the session and its locks go on', async () => {
      const older = await broker.connect(tenant, 'ada');
      const fence = await fenceOf(older, 'invoices/1');
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
      const ada = await broker.connect(tenant, 'ada');
      const rivals = await Promise.all(Array.from({ length: 8 }, () => resume(ada)));
      const left = (): TestClient[] => [ada, ...rivals].filter((client) => !client.disconnected);
      await waitUntil(() => left().length === 1, 'one socket');
      expect(await left()[0]?.heartbeat()).to.include({ ok: true });
      expect((await sessionOf(ada)).state).to.equal('active');
    });
  });

  describe('heartbeats', () => {
    it('[S4] renew the lease in Redis before they are answered', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const key = `lc:{${tenant}}:lease:${ada.sessionId}`;
      await redis.pExpire(key, 1_000);
      expect(await ada.heartbeat({ view: 'invoices' })).to.deep.equal({ ok: true, leaseMs: 60_000 });
      expect(await redis.pTTL(key)).to.be.within(50_000, 60_000);
      expect(await redis.get(key)).to.match(/\|invoices$/);
      expect(await redis.ttl(`lc:{${tenant}}:session:${ada.sessionId}`), 'the session itself stays').to.equal(-1);
    });

    it('[S4] of an older attachment change nothing', async () => {
      const identity = administrator(tenant, 'ada');
      const { sessions, heartbeats } = broker.core;
      const older = await sessions.open(identity, { address: '192.0.2.1' });
      const { sessionId, resumeKey: key } = older.attachment;
      const newer = await sessions.open(identity, { address: '192.0.2.1', resume: { sessionId, key } });
      const lease = (): Promise<string | null> => redis.get(`lc:{${tenant}}:lease:${sessionId}`);
      const before = await lease();
      const late = await heartbeats.beat(older.attachment, { idleMs: 0, view: 'old' }).catch((error) => error);
      expect(late).to.include({ code: 'superseded' });
      expect(await lease()).to.equal(before);
      expect(await heartbeats.beat(newer.attachment, { idleMs: 0, view: 'new' })).to.deep.equal({ leaseMs: 60_000 });
      await Promise.all([older, newer].map(({ attachment }) => sessions.detach(attachment)));
    });

    it('[S4] [S3] a socket that was superseded unnoticed learns it from its heartbeat, after the answer', async () => {
      const ada = await broker.connect(tenant, 'ada', { answersBeats: false });
      // As if another node had it and the news were lost.
      const key = `lc:{${tenant}}:lease:${ada.sessionId}`;
      await redis.set(key, ((await redis.get(key)) ?? '').replace(/^1/, '2'), { KEEPTTL: true });
      expect(await ada.refused('heartbeat', { idleMs: 0 })).to.include({ code: 'superseded', terminal: true });
      await ada.saw('superseded');
    });

    it('[S4] [O12] after the end bring nothing back', async () => {
      const ada = await broker.connect(tenant, 'ada', { acknowledges: false, answersBeats: false });
      await broker.core.sessions.end(tenant, ada.sessionId, { reason: 'admin', by: { kind: 'admin', id: 'root' } });
      const error = await ada.refused('heartbeat', { idleMs: 0 });
      expect(error).to.include({ code: 'session_ended', terminal: true });
      expect(await redis.exists(`lc:{${tenant}}:lease:${ada.sessionId}`)).to.equal(0);
      expect((await sessionOf(ada)).state).to.equal('ended');
      expect((await ada.saw('logoff')).reason).to.equal('admin');
    });

    it('[S10] never move the last input back, nor before the opening', async () => {
      const ada = await broker.connect(tenant, 'ada', { answersBeats: false });
      const inputAt = async (idleMs: number): Promise<number> => {
        await ada.does('heartbeat', { idleMs });
        return (await sessionOf(ada)).lastInputAt;
      };
      const { openedAt } = await sessionOf(ada);
      expect(await inputAt(5_000_000)).to.equal(openedAt);
      const latest = await inputAt(0);
      expect(latest).to.be.at.least(openedAt);
      expect(await inputAt(100_000)).to.equal(latest);
    });
  });

  describe('ending', () => {
    it('[S12] a sign-out ends as `user`; its locks pass on in the same instant', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const grace = await broker.connect(tenant, 'grace');
      await fenceOf(ada, 'invoices/1');
      const requestId = randomUUID();
      await grace.acquire('invoices/1', 60_000, requestId);
      await ada.does('session:end', {});
      expect(await grace.saw('lock:granted')).to.deep.include({ requestId });
      await waitUntil(() => ada.disconnected, 'its socket to be closed');
      const records = await historyOf(broker.core, tenant);
      const end = records.find(({ type }) => type === 'session.ended');
      expect(end).to.deep.include({ reason: 'user', by: { kind: 'user', id: 'ada', name: 'ada by name' } });
      const passed = records.filter(({ type }) => type === 'lock.lost' || type === 'lock.granted').slice(-2);
      expect(passed.map(({ type, at, rev }) => ({ type, at, rev }))).to.deep.equal([
        { type: 'lock.lost', at: end?.at, rev: (end?.rev ?? 0) + 1 },
        { type: 'lock.granted', at: end?.at, rev: (end?.rev ?? 0) + 2 },
      ]);
    });

    it('[S7] [O12] whoever resumes an ended session is told how it ended', async () => {
      const ada = await broker.connect(tenant, 'ada');
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
      const keptMs = await redis.pTTL(`lc:{${tenant}}:session:${ada.sessionId}`);
      expect(keptMs, 'kept as a tombstone').to.be.within(86_000_000, 86_400_000);
    });

    it('[P1] whatever asks for it at once, there is one end, one reason and one record', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const by = { kind: 'admin', id: 'root' } as const;
      const ended = await Promise.all([
        ...Array.from({ length: 5 }, () => broker.core.sessions.end(tenant, ada.sessionId, { reason: 'admin', by })),
        give('logoff', ada, 0).then(() => false),
        ada.call('session:end', {}).then(
          () => false,
          () => false,
        ),
      ]);
      expect(ended.filter(Boolean).length).to.be.at.most(1);
      await waitUntil(() => ada.disconnected, 'its socket to be closed');
      const records = await historyOf(broker.core, tenant);
      const ends = records.filter(({ type }) => type === 'session.ended');
      expect(ends).to.have.length(1);
      expect((await sessionOf(ada)).ended).to.deep.include({ reason: ends[0]?.reason, endedAt: ends[0]?.at });
    });
  });

  describe('lists', () => {
    const list = (filter: SessionFilter, limit = 1_000, cursor?: string) =>
      broker.core.sessions.list(tenant, filter, { limit, ...(cursor === undefined ? {} : { cursor }) });
    const usersOf = (sessions: readonly Session[]): string[] => sessions.map(({ user }) => user.id);

    it('[S9] show what is known of a session', async () => {
      const openedAfter = Date.now() - 60_000;
      const ada = await broker.connect(tenant, 'ada', {
        roles: ['user', 'chief'],
        answersBeats: false,
        auth: { app: { name: 'ledger', version: '2.1' }, device: { label: 'desk', kind: 'browser' } },
      });
      await fenceOf(ada, 'invoices/1');
      await ada.does('heartbeat', { idleMs: 4_000, dirty: true, view: 'invoices/1' });
      const [session] = (await list({})).items;
      expect(session).to.deep.include({
        id: ada.sessionId,
        state: 'active',
        user: { id: 'ada', name: 'ada by name', roles: ['user', 'chief'] },
        app: { name: 'ledger', version: '2.1' },
        device: { label: 'desk', kind: 'browser' },
        address: '127.0.0.1',
        node: broker.core.nodes.id,
        dirty: true,
        view: 'invoices/1',
        locks: 1,
      });
      const { openedAt = 0, lastBeatAt = 0, lastInputAt = 0 } = session ?? {};
      expect(openedAt).to.be.greaterThan(openedAfter);
      expect(lastBeatAt).to.be.at.least(openedAt);
      expect(lastInputAt).to.be.at.least(openedAt);
    });

    it('[S9] go page by page, each session once, in the order of their opening', async () => {
      const { sessions } = broker.core;
      for (let i = 0; i < 25; i += 1) await sessions.open(administrator(tenant, `user-${i}`), { address: '192.0.2.1' });
      const seen: string[] = [];
      let cursor: string | undefined;
      let pages = 0;
      do {
        const page = await list({}, 10, cursor);
        seen.push(...usersOf(page.items));
        cursor = page.next;
        pages += 1;
      } while (cursor !== undefined);
      expect(seen).to.deep.equal(Array.from({ length: 25 }, (_, i) => `user-${i}`));
      expect(pages).to.equal(3);
      expect(await sessions.count(tenant)).to.equal(25);
    });

    it('[S9] are filtered, and their pages are full all the same', async () => {
      const { sessions } = broker.core;
      for (let i = 0; i < 60; i += 1) {
        const app = { name: i % 3 === 0 ? 'ledger' : 'stock' };
        await sessions.open(administrator(tenant, `user-${i % 30}`), { address: `192.0.2.${i}`, app });
      }
      const gone = await broker.connect(tenant, 'ada');
      await gone.drop();
      await until(gone, 'disconnected');
      const first = await list({ app: 'ledger' }, 15);
      expect(first.items).to.have.length(15);
      const second = await list({ app: 'ledger' }, 15, first.next);
      expect(usersOf([...first.items, ...second.items])).to.deep.equal(
        Array.from({ length: 20 }, (_, i) => `user-${(i * 3) % 30}`),
      );
      expect(usersOf((await list({ user: 'user-7' })).items)).to.deep.equal(['user-7', 'user-7']);
      expect(usersOf((await list({ state: 'disconnected' })).items)).to.deep.equal(['ada']);
      expect(usersOf((await list({ q: 'ADA BY' })).items)).to.deep.equal(['ada']);
      expect(usersOf((await list({ q: '192.0.2.41' })).items)).to.deep.equal(['user-11']);
      expect((await list({ node: broker.core.nodes.id })).items).to.have.length(61);
      expect((await list({ node: 'elsewhere' })).items).to.have.length(0);
      expect((await list({ minIdleMs: 3_600_000 })).items).to.have.length(0);
      expect((await list({ user: 'user-0', app: 'stock' })).items).to.have.length(0);
    });
  });

  describe('states', () => {
    it('[S11] are made of the same facts in Lua and in TypeScript', async () => {
      const [code = ''] = /local function state_of\(s\)\n[\s\S]*?\nend\n/.exec(read('server/lua/_session.lua')) ?? [];
      const flags = [false, true];
      const all: SessionFacts[] = flags.flatMap((ended) =>
        flags.flatMap((connected) =>
          flags.flatMap((saving) =>
            flags.flatMap((warned) => flags.map((idle) => ({ ended, connected, saving, warned, idle }))),
          ),
        ),
      );
      for (const facts of all) {
        const stored = {
          state: facts.ended ? 'ended' : 'active',
          conn: facts.connected ? '1' : '0',
          saving: facts.saving ? '1' : '0',
          deadlineOrder: facts.warned ? 'order' : '',
          idle: facts.idle ? '1' : '0',
        };
        const script = `${code}return state_of(cjson.decode(ARGV[1]))`;
        const state = await redis.eval(script, { arguments: [JSON.stringify(stored)] });
        expect(state, JSON.stringify(facts)).to.equal(sessionState(facts));
      }
    });

    it('[S11] [A1] change as the table allows, each change with its record', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const order = await give('logoff', ada, LONG_MS);
      await ada.saw('warning');
      await broker.core.orders.cancel(administrator(tenant), tenant, order.id);
      await ada.saw('warning:cancelled');
      await ada.drop();
      await until(ada, 'disconnected');
      const back = await resume(ada);
      await back.does('session:end', {});
      await until(back, 'ended');
      const states: SessionState[] = [];
      for (const { sessionId, details = {} } of await historyOf(broker.core, tenant)) {
        const { from, to } = details as { from?: SessionState; to?: SessionState };
        if (sessionId !== ada.sessionId || from === undefined || to === undefined) continue;
        expect(SESSION_TRANSITIONS[from][to], `${from} to ${to}`).to.equal(true);
        states.push(to);
      }
      expect(states).to.deep.equal(['disconnected', 'active']);
      expect(SESSION_STATES.filter((to) => SESSION_TRANSITIONS.ended[to]), 'ended is final').to.deep.equal([]);
    });

    it('[A1] are recorded with who, what, when and why; heartbeats are not', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const person = { kind: 'user', id: 'ada', name: 'ada by name' };
      for (let i = 0; i < 10; i += 1) await ada.heartbeat();
      await ada.heartbeat({ dirty: true, view: 'invoices/1' });
      await waitUntil(async () => (await historyOf(broker.core, tenant)).length === 2, 'the change to be recorded');
      await ada.does('session:end', {});
      await waitUntil(async () => (await historyOf(broker.core, tenant)).length === 4, 'the end to be recorded');
      const records = await historyOf(broker.core, tenant);
      expect(records.map(({ rev }) => rev)).to.deep.equal([1, 2, 3, 4]);
      expect(records.map(({ type, by, sessionId }) => ({ type, by, sessionId }))).to.deep.equal([
        { type: 'session.opened', by: person, sessionId: ada.sessionId },
        { type: 'session.state', by: person, sessionId: ada.sessionId },
        { type: 'session.ended', by: person, sessionId: ada.sessionId },
        { type: 'session.verified', by: { kind: 'system' }, sessionId: ada.sessionId },
      ]);
      expect(records[1]?.details).to.deep.equal({ dirty: true, view: 'invoices/1' });
      expect(records[2]).to.deep.include({ reason: 'user', user: { id: 'ada', name: 'ada by name' } });
    });
  });
});
