import type { AuditRecord, Block, Order, OrderRequest, Page } from '@lastcall/shared';
import { expect } from 'chai';
import { logoff, UNKNOWN, useApi } from './support/api.js';
import { TestBroker, type TestClient } from './support/broker.js';
import { checkHistoryAtRest, historyOf } from './support/history.js';
import { tokenOf } from './support/policy.js';
import { waitUntil } from './support/wait.js';

const HOUR_MS = 3_600_000;

describe('blocks', () => {
  const api = useApi();
  afterEach(async function () {
    if (this.currentTest?.state === 'passed') await checkHistoryAtRest(api.broker.core, api.tenant);
  });

  const connect = (sub: string, options: Parameters<TestBroker['connect']>[2] = {}): Promise<TestClient> =>
    api.broker.connect(api.tenant, sub, options);
  const block = async (body: Partial<Block>): Promise<string> =>
    (
      await api.admin.does<{ id: string }>(
        'blocks.set',
        api.here({ body: { reason: 'Left the company.', ...body } }),
      )
    ).id;
  const lift = (id: string) => api.admin.does('blocks.lift', api.here({ id }));
  const list = async (query: Record<string, string | number> = {}): Promise<Page<Block>> =>
    await api.admin.does<Page<Block>>('blocks.list', api.here({ query }));
  const order = async (more: Partial<OrderRequest>): Promise<Order> =>
    await api.admin.does<Order>('orders.create', api.here({ body: logoff(more) }));
  const changes = async (): Promise<readonly AuditRecord[]> =>
    (await historyOf(api.broker.core, api.tenant)).filter(({ type }) => type === 'block.changed');

  describe('over HTTP', () => {
    it('[I7] keep a person out until they are lifted, and nobody else', async () => {
      const id = await block({ user: 'ada', message: 'Ask Grace.' });
      const { error } = await connect('ada');
      expect(error).to.include({ code: 'blocked', terminal: true });
      expect(error).not.to.have.property('untilAt');
      expect(error?.message).to.include('Ask Grace.');
      expect(JSON.stringify(error), 'why is not for the person').not.to.include('Left');
      expect((await connect('grace')).error).to.equal(undefined);
      await lift(id);
      expect((await connect('ada')).error).to.equal(undefined);
      expect((await api.admin.refused('blocks.lift', api.here({ id }))).code).to.equal('not_found');
      expect((await api.admin.refused('blocks.lift', api.here({ id: UNKNOWN }))).code).to.equal('not_found');
    });

    it('[I7] end by themselves, which is recorded', async () => {
      const untilAt = Date.now() + 900;
      const id = await block({ user: 'ada', untilAt });
      expect((await connect('ada')).error).to.include({ code: 'blocked', untilAt });
      await waitUntil(async () => (await connect('ada')).error === undefined, 'the block to be over');
      await waitUntil(async () => (await list()).items.length === 0, 'the block to be gone');
      expect(
        (await changes()).map(({ by, reason, details }) => ({
          by: by.kind,
          reason,
          state: details?.['state'],
        })),
      ).to.deep.equal([
        { by: 'admin', reason: 'Left the company.', state: 'set' },
        { by: 'system', reason: 'Left the company.', state: 'over' },
      ]);
      expect((await api.admin.refused('blocks.lift', api.here({ id }))).code).to.equal('not_found');
    });

    it('[I7] are listed newest first, page by page, or of one person', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) ids.unshift(await block({ user: i % 2 === 0 ? 'ada' : 'grace' }));
      const seen: string[] = [];
      let page = await list({ limit: 2 });
      for (; page.next !== undefined; page = await list({ limit: 2, cursor: page.next }))
        seen.push(...page.items.map(({ id }) => id));
      seen.push(...page.items.map(({ id }) => id));
      expect(seen).to.deep.equal(ids);
      const { items } = await list({ user: 'grace' });
      expect(items.map(({ user }) => user)).to.deep.equal(['grace', 'grace']);
      expect(items[0]).to.have.all.keys('id', 'user', 'reason', 'by', 'createdAt');
      expect(items[0]?.by).to.include({ kind: 'admin', id: 'root' });
    });

    it('[I7] [O15] are set once per Idempotency-Key', async () => {
      const sent = api.here({
        body: { user: 'ada', reason: 'Twice.' },
        headers: { 'Idempotency-Key': 'one' },
      });
      const first = await api.admin.does<{ id: string }>('blocks.set', sent);
      expect(await api.admin.does('blocks.set', sent)).to.deep.equal(first);
      expect((await list()).items).to.have.length(1);
    });

    it('[I7] are limited to 100 of a person, and take nothing that is wrong', async () => {
      const by = { kind: 'admin', id: 'root' } as const;
      const set = () => api.broker.core.blocks.set(api.tenant, { user: 'ada', reason: 'Again.' }, by);
      await Promise.all(Array.from({ length: 100 }, set));
      const { code, detail } = await api.admin.refused(
        'blocks.set',
        api.here({ body: { user: 'ada', reason: 'x' } }),
      );
      expect(code).to.equal('rate_limited');
      expect(detail).to.include('blocks');
      await block({ user: 'grace' });
      for (const body of [
        { user: 'ada' },
        { reason: 'x' },
        { user: '', reason: 'x' },
        { user: 'a', reason: 'x', untilAt: -1 },
      ])
        expect((await api.admin.refused('blocks.set', api.here({ body }))).code).to.equal('invalid');
    });

    it('[P7] are of one tenant', async () => {
      await block({ user: 'ada' });
      expect((await api.broker.connect(`${api.tenant}-b`, 'ada')).error).to.equal(undefined);
    });
  });

  describe('of old tokens', () => {
    it('[I7] refuse tokens issued before an instant, at opening, resumption and refresh; newer ones not', async () => {
      const old = tokenOf(api.tenant, 'ada', 60_000);
      const ada = await connect('ada', { token: old });
      await block({ user: 'ada', notBeforeAt: Date.now() - 30_000 });
      const refused = await connect('ada', { token: old });
      expect(refused.error).to.include({ code: 'blocked', terminal: true });
      expect(refused.error?.message).to.include('Sign in again');
      expect(await ada.refused('auth:refresh', { token: old })).to.include({ code: 'blocked' });
      await ada.does('auth:refresh', { token: tokenOf(api.tenant, 'ada') });
      await ada.drop();
      expect((await connect('ada', { token: old, auth: { resume: ada.resume } })).error?.code).to.equal(
        'blocked',
      );
      const back = await connect('ada', { token: tokenOf(api.tenant, 'ada'), auth: { resume: ada.resume } });
      expect(back.welcome.resumed).to.equal(true);
      expect((await connect('ada', { token: tokenOf(api.tenant, 'ada') })).error).to.equal(undefined);
    });

    it('[I7] a block of the person is told before one of the token', async () => {
      const untilAt = Date.now() + HOUR_MS;
      await block({ user: 'ada', notBeforeAt: Date.now() });
      await block({ user: 'ada', untilAt: Date.now() + 60_000 });
      await block({ user: 'ada', untilAt });
      expect((await connect('ada', { token: tokenOf(api.tenant, 'ada', 5_000) })).error).to.include({
        untilAt,
      });
    });
  });

  describe('of orders', () => {
    it('[O12] [I7] who is logged off stays out by reconnecting, in another tab, on another broker, with old tokens', async () => {
      const other = await TestBroker.start();
      try {
        const token = tokenOf(api.tenant, 'ada', 60_000);
        const ada = await connect('ada', { token });
        const { id } = await order({ target: { users: ['ada'] }, reentry: { denyMs: 1_500 } });
        const { reentryMs } = await ada.saw('logoff');
        expect(reentryMs).to.equal(1_500);
        const attempts = (): Promise<TestClient>[] =>
          [api.broker, other].flatMap((broker) => [
            broker.connect(api.tenant, 'ada', { token }),
            broker.connect(api.tenant, 'ada'),
            broker.connect(api.tenant, 'ada', { token, auth: { resume: ada.resume } }),
          ]);
        const codes = (await Promise.all(attempts())).map(({ error }) => error?.code);
        expect(codes).to.deep.equal(
          Array.from({ length: 2 }, () => ['blocked', 'blocked', 'session_ended']).flat(),
        );
        expect((await list({ user: 'ada' })).items[0]).to.deep.include({
          id: ada.sessionId,
          reason: 'admin',
        });
        const done = await api.done(id);
        expect(done.counts).to.include({ verified: 1 });
        await waitUntil(
          async () => (await other.connect(api.tenant, 'ada', { token })).error === undefined,
          'the end',
        );
        expect((await connect('ada', { auth: { resume: ada.resume } })).error?.code).to.equal(
          'session_ended',
        );
      } finally {
        await other.close();
      }
    });

    it('[O8] [O12] a cancelled order lifts its own block only', async () => {
      const ada = await connect('ada');
      const long = await order({ graceMs: HOUR_MS, reentry: { denyMs: 2 * HOUR_MS } });
      const target = { sessions: [ada.sessionId] };
      await order({ target, graceMs: HOUR_MS, reentry: { denyMs: HOUR_MS } });
      await ada.does('order:ack', { orderId: long.id, state: 'saved' });
      await ada.saw('logoff', ({ reentryMs }) => reentryMs === 2 * HOUR_MS);
      const blockedFor = async (): Promise<number> =>
        ((await connect('ada')).error?.untilAt ?? 0) - Date.now();
      expect(await blockedFor()).to.be.greaterThan(HOUR_MS);
      await api.admin.does('orders.cancel', api.here({ id: long.id }));
      expect(await blockedFor()).to.be.within(HOUR_MS - 10_000, HOUR_MS);
    });
  });

  describe('of security orders', () => {
    const security = (more: Partial<OrderRequest>): Promise<Order> =>
      order({
        reason: 'security',
        message: 'Your account is closed.',
        graceMs: HOUR_MS,
        holdMs: HOUR_MS,
        ...more,
      });

    it('[O16] [I7] are there before the client hears of it; there is no grace and no hold', async () => {
      const token = tokenOf(api.tenant, 'mallory', 60_000);
      const [mallory, ada] = await Promise.all([connect('mallory', { token }), connect('ada')]);
      let heard: Promise<TestClient> | undefined;
      mallory.socket.onAny((event: string) => {
        if (event === 'warning' || event === 'logoff') heard ??= connect('mallory', { token });
      });
      const given = await security({ target: { sessions: [mallory.sessionId] } });
      expect(given).to.include({ graceMs: 0, holdMs: 0 });
      await mallory.saw('logoff', ({ reason }) => reason === 'security');
      expect((await heard)?.error).to.include({ code: 'blocked', terminal: true });
      const records = await historyOf(api.broker.core, api.tenant);
      const revOf = (type: AuditRecord['type'], is = (_record: AuditRecord) => true): number =>
        records.find((record) => record.type === type && is(record))?.rev ?? 0;
      const told = revOf('order.changed', ({ details }) => details?.['targeted'] !== undefined);
      expect(revOf('block.changed')).to.be.within(1, told - 1);
      const end = records.find(({ type }) => type === 'session.ended');
      expect((end?.at ?? Infinity) - given.createdAt).to.be.below(1_000);
      expect(end?.details?.['flushMs']).to.equal(1_000);
      expect((await connect('mallory', { token, auth: { resume: mallory.resume } })).error?.code).to.equal(
        'session_ended',
      );
      expect((await api.done(given.id)).counts).to.include({ verified: 1, unverified: 0 });
      expect((await api.broker.core.sessions.get(api.tenant, ada.sessionId)).state).to.equal('active');
      // A token of after it opens the door again; seconds are all that a token knows.
      const fresh = async (): Promise<boolean> =>
        (await connect('mallory', { token: tokenOf(api.tenant, 'mallory') })).error === undefined;
      await waitUntil(fresh, 'a new sign-in');
    });

    it('[O16] with reentry the person stays out with new tokens too', async () => {
      const mallory = await connect('mallory');
      await security({ target: { users: ['mallory'] }, reentry: { denyMs: HOUR_MS } });
      expect((await mallory.saw('logoff')).reentryMs).to.be.within(HOUR_MS - 5_000, HOUR_MS);
      const { error } = await connect('mallory', { token: tokenOf(api.tenant, 'mallory', -5_000) });
      expect(error?.untilAt).to.be.greaterThan(Date.now() + HOUR_MS - 10_000);
      const { items } = await list({ user: 'mallory' });
      expect(items).to.have.length(2);
      for (const { id } of items) await lift(id);
      expect((await connect('mallory')).error).to.equal(undefined);
    });

    it('[O16] whom it names is kept out even without a session, unless spared; one block each', async () => {
      const stolen = tokenOf(api.tenant, 'eve', 60_000);
      const [one, two] = await Promise.all([connect('mallory'), connect('mallory')]);
      await security({ target: { users: ['mallory', 'eve', 'alan'] }, except: { users: ['alan'] } });
      await Promise.all([one.saw('logoff'), two.saw('logoff')]);
      expect((await connect('eve', { token: stolen })).error?.code).to.equal('blocked');
      expect((await connect('alan', { token: tokenOf(api.tenant, 'alan', 60_000) })).error).to.equal(
        undefined,
      );
      expect((await list()).items.map(({ user }) => user).toSorted()).to.deep.equal(['eve', 'mallory']);
    });

    it('[O16] a warning for security cuts nobody off', async () => {
      const ada = await connect('ada');
      const given = await security({ action: 'warn', target: { all: true } });
      await ada.saw('warning');
      expect(given.graceMs).to.equal(HOUR_MS);
      expect((await list()).items).to.deep.equal([]);
    });
  });
});
