import {
  type AuditRecord,
  DEFAULT_POLICY,
  type LockEntry,
  type Node,
  type Order,
  type OrderRequest,
  type Page,
  type Policy,
  type Receipt,
  ROLES,
  type Session,
} from '@lastcall/shared';
import { expect } from 'chai';
import { ROUTES, type RouteId, type SessionDetail } from 'lastcall/internal/schema/index.js';
import { freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { ApiClient, type Sent } from './support/http.js';
import { waitUntil } from './support/wait.js';

const ROUTE_IDS = Object.keys(ROUTES) as RouteId[];
const CHECKS: readonly RouteId[] = ['sessions.check', 'locks.check'];
const FOR_ALL: readonly RouteId[] = ['nodes.list', 'tenants.list'];
const UNKNOWN = '01970000-0000-7000-8000-000000000001';

const logoff = (more: Partial<OrderRequest> = {}): OrderRequest => ({
  action: 'logoff',
  target: { all: true },
  message: 'Please save your work.',
  reason: 'admin',
  graceMs: 0,
  holdMs: 0,
  ...more,
});

describe('http: routes', () => {
  let broker: TestBroker;
  let tenant: string;
  let admin: ApiClient;

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  beforeEach(async () => {
    tenant = freshTenant();
    admin = await client(['admin']);
  });

  async function client(roles: readonly string[], of = tenant): Promise<ApiClient> {
    return new ApiClient(broker.url, await broker.token(of, 'root', roles));
  }

  const here = (more: Sent & { id?: string } = {}): Sent => ({
    ...more,
    params: { tenant, ...(more.id === undefined ? {} : { id: more.id }) },
  });

  async function locked(holder: TestClient, resource: string): Promise<number> {
    const answer = await holder.acquire(resource);
    if (!answer.ok || answer.state !== 'granted') throw new Error(JSON.stringify(answer));
    return answer.lock.fence;
  }

  async function done(orderId: string): Promise<Order> {
    let order: Order | undefined;
    await waitUntil(
      async () => {
        order = await admin.does<Order>('orders.get', here({ id: orderId }));
        return order.state === 'done';
      },
      'the order to be done',
      8_000,
    );
    return order as Order;
  }

  describe('rights', () => {
    /** What each route takes, such that whoever may call it is answered. */
    async function somethingFor(id: RouteId, of: string, session: string, order: string): Promise<Sent> {
      const params = { tenant: of, id: id.startsWith('sessions') ? session : order };
      const bodies: Partial<Record<RouteId, unknown>> = {
        'sessions.check': { sessionId: session },
        'orders.create': logoff({ dryRun: true }),
        'locks.break': { resource: 'free/1', reason: 'nobody holds it' },
        'locks.check': { resource: 'free/1', fence: 1 },
        'policy.set': DEFAULT_POLICY,
      };
      const { version } = await broker.core.policies.get(of);
      return {
        params,
        ...(bodies[id] === undefined ? {} : { body: bodies[id] }),
        ...(id === 'policy.set' ? { headers: { 'If-Match': `"${version}"` } } : {}),
      };
    }

    const mayDo = (id: RouteId, role: string, where: 'own' | 'other'): boolean => {
      if (role === 'operator') return true;
      if (FOR_ALL.includes(id) || where === 'other') return false;
      return role === 'admin' || (role === 'service' && CHECKS.includes(id));
    };

    it('[I2] [I3] [P7] H24 H29 are as the table says, for every route × role × tenant', async () => {
      const other = freshTenant();
      const found = await Promise.all(
        [tenant, other].map(async (of) => {
          const { sessionId } = await broker.connect(of, 'ada');
          const { id } = await (await client(['admin'], of)).does<Order>('orders.create', {
            params: { tenant: of },
            body: logoff({ action: 'warn', graceMs: 60_000, message: 'Soon.' }),
          });
          return { of, sessionId, id };
        }),
      );
      let refused = 0;
      for (const role of [...ROLES, 'accountant']) {
        const caller = await client([role]);
        for (const id of ROUTE_IDS) {
          for (const { of, sessionId, id: orderId } of found) {
            const where = of === tenant ? 'own' : 'other';
            if (where === 'other' && FOR_ALL.includes(id)) continue;
            const sent = await somethingFor(id, of, sessionId, orderId);
            if (mayDo(id, role, where)) await caller.does(id, sent);
            else {
              expect((await caller.refused(id, sent)).code, `${role} ${id} ${where}`).to.equal('forbidden');
              refused += 1;
            }
          }
        }
      }
      expect(refused).to.be.greaterThan(60);
      expect((await broker.core.sessions.list(other, {}, { limit: 10 })).items).to.have.length(1);
      const own = await broker.core.audit.list(tenant, { type: 'access.denied' }, { limit: 1_000 });
      expect(own.items, 'records are bounded').to.have.length(60);
      expect(
        (await broker.core.audit.list(other, { type: 'access.denied' }, { limit: 10 })).items,
      ).to.have.length(0);
    });

    it('[I2] [A1] a refused attempt is in the trail of whoever tried, with what and where', async () => {
      const user = await client(['user']);
      await user.refused('orders.create', here({ body: logoff() }));
      await admin.refused('policy.get', { params: { tenant: 'elsewhere' } });
      const { items } = await broker.core.audit.list(tenant, { type: 'access.denied' }, { limit: 10 });
      expect(items.map(({ by, details }) => ({ by, details }))).to.deep.equal([
        {
          by: { kind: 'admin', id: 'root', name: 'root by name' },
          details: { action: 'policy.get', tenant: 'elsewhere' },
        },
        { by: { kind: 'user', id: 'root', name: 'root by name' }, details: { action: 'orders.create' } },
      ]);
      expect(items[1]?.reason).to.match(/You need the role admin or operator/);
    });

    it('[P7] S24 ids of another tenant are not found', async () => {
      const other = freshTenant();
      const { sessionId } = await broker.connect(other, 'ada');
      const order = await (await client(['admin'], other)).does<Order>('orders.create', {
        params: { tenant: other },
        body: logoff({ action: 'warn', graceMs: 60_000 }),
      });
      expect((await admin.refused('sessions.get', here({ id: sessionId }))).status).to.equal(404);
      for (const id of ['orders.get', 'orders.receipts', 'orders.cancel'] as const) {
        expect((await admin.refused(id, here({ id: order.id }))).code, id).to.equal('not_found');
      }
      const answer = await admin.does('sessions.check', here({ body: { sessionId } }));
      expect(answer).to.deep.equal({ live: false });
    });
  });

  describe('sessions', () => {
    it('[S9] are listed with what is known of them, filtered, page by page', async () => {
      const [ada] = await Promise.all([
        broker.connect(tenant, 'ada', { auth: { app: { name: 'books', version: '1.2' } } }),
        broker.connect(tenant, 'grace'),
        broker.connect(tenant, 'linus'),
      ]);
      await locked(ada as TestClient, 'invoices/7');
      await ada?.heartbeat({ dirty: true, view: 'Invoice 7' });
      const { items } = await admin.does<Page<Session>>('sessions.list', here());
      expect(items).to.have.length(3);
      const [books] = (await admin.does<Page<Session>>('sessions.list', here({ query: { app: 'books' } })))
        .items;
      expect(books).to.deep.include({
        id: ada?.sessionId,
        dirty: true,
        view: 'Invoice 7',
        locks: 1,
        state: 'active',
      });
      for (const query of [{ user: 'grace' }, { q: 'GRACE' }]) {
        const found = await admin.does<Page<Session>>('sessions.list', here({ query }));
        expect(
          found.items.map(({ user }) => user.id),
          JSON.stringify(query),
        ).to.deep.equal(['grace']);
      }

      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const query = { limit: 2, ...(cursor === undefined ? {} : { cursor }) };
        const page: Page<Session> = await admin.does('sessions.list', here({ query }));
        seen.push(...page.items.map(({ user }) => user.id));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(seen.toSorted()).to.deep.equal(['ada', 'grace', 'linus']);
    });

    it('[S9] one comes with its locks, orders and latest records', async () => {
      const [ada, grace] = await Promise.all([
        broker.connect(tenant, 'ada'),
        broker.connect(tenant, 'grace'),
      ]);
      const fence = await locked(ada, 'invoices/7');
      await locked(grace, 'invoices/8');
      const order = await admin.does<Order>('orders.create', here({ body: logoff({ graceMs: 60_000 }) }));
      const detail = await admin.does<SessionDetail>('sessions.get', here({ id: ada.sessionId }));
      expect(detail.session).to.include({ id: ada.sessionId, state: 'warned', locks: 1 });
      expect(detail.locks.map((lock) => [lock.resource, lock.fence])).to.deep.equal([['invoices/7', fence]]);
      expect(detail.orders.map(({ id }) => id)).to.deep.equal([order.id]);
      expect(detail.audit.map(({ type }) => type)).to.include.members(['session.opened', 'lock.granted']);
      expect(detail).not.to.have.property('receipt');
    });

    it('[S7] [O9] one that ended under an order answers with its end and its receipt', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const { id } = await admin.does<Order>('orders.create', here({ body: logoff() }));
      await done(id);
      const detail = await admin.does<SessionDetail>('sessions.get', here({ id: ada.sessionId }));
      expect(detail.session.state).to.equal('ended');
      expect(detail.session.ended).to.include({ reason: 'admin', orderId: id });
      expect(detail.locks).to.deep.equal([]);
      expect(detail.orders.map((order) => order.id)).to.deep.equal([id]);
      expect(detail.receipt).to.include({ sessionId: ada.sessionId, state: 'ended', verified: true });
      expect((await admin.refused('sessions.get', here({ id: UNKNOWN }))).code).to.equal('not_found');
    });

    it('are checked for back ends: live, ended, unknown', async () => {
      const service = await client(['service']);
      const ada = await broker.connect(tenant, 'ada');
      const check = (sessionId: string) => service.does('sessions.check', here({ body: { sessionId } }));
      const user = { id: 'ada', name: 'ada by name' };
      expect(await check(ada.sessionId)).to.deep.equal({ live: true, user, state: 'active' });
      await ada.does('session:end', {});
      expect(await check(ada.sessionId)).to.deep.equal({ live: false, user, state: 'ended' });
      expect(await check(UNKNOWN)).to.deep.equal({ live: false });
    });
  });

  describe('orders', () => {
    it('[O1] [O9] [O10] are given, read, and answered with receipts', async () => {
      const clients = await Promise.all(
        ['ada', 'grace', 'linus'].map((user) => broker.connect(tenant, user)),
      );
      const created = await admin.call<Order>('orders.create', here({ body: logoff({ message: 'Bye.' }) }));
      expect(created.status).to.equal(201);
      expect(created.headers.get('location')).to.equal(`orders/${created.body.id}`);
      const order = await done(created.body.id);
      expect(order.counts).to.include({ targeted: 3, verified: 3, unverified: 0 });
      const first = await admin.does<Page<Receipt>>(
        'orders.receipts',
        here({ id: order.id, query: { limit: 2 } }),
      );
      const rest = await admin.does<Page<Receipt>>(
        'orders.receipts',
        here({ id: order.id, query: { limit: 2, cursor: String(first.next) } }),
      );
      const receipts = [...first.items, ...rest.items];
      expect(receipts.map(({ sessionId }) => sessionId).toSorted()).to.deep.equal(
        clients.map(({ sessionId }) => sessionId).toSorted(),
      );
      for (const { verified, outcome } of receipts)
        expect({ verified, outcome }).to.deep.equal({ verified: true, outcome: 'forced' });
      expect((await admin.refused('orders.receipts', here({ id: UNKNOWN }))).code).to.equal('not_found');
    });

    it('[O2] a rehearsal says who would be hit and does nothing', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const answer = await admin.call<{ total: number; items: Session[] }>(
        'orders.create',
        here({ body: logoff({ dryRun: true }), headers: { 'Idempotency-Key': 'rehearsal' } }),
      );
      expect(answer.status).to.equal(200);
      expect(answer.body).to.include({ dryRun: true, total: 1 });
      expect(answer.body.items[0]?.id).to.equal(ada.sessionId);
      expect((await admin.does<Page<Order>>('orders.list', here())).items).to.have.length(0);
      // The key is still free: nothing was done under it.
      const real = await admin.call(
        'orders.create',
        here({ body: logoff(), headers: { 'Idempotency-Key': 'rehearsal' } }),
      );
      expect(real.status).to.equal(201);
    });

    it('[O8] are cancelled until they close', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const { id } = await admin.does<Order>('orders.create', here({ body: logoff({ graceMs: 60_000 }) }));
      await ada.saw('warning');
      expect(await admin.does<Order>('orders.cancel', here({ id }))).to.include({ state: 'cancelled' });
      await ada.saw('warning:cancelled');
      const over = await admin.does<Order>('orders.create', here({ body: logoff() }));
      await done(over.id);
      expect((await admin.refused('orders.cancel', here({ id: over.id }))).code).to.equal('conflict');
    });

    it('are listed newest first, by state and by who gave them', async () => {
      await broker.connect(tenant, 'ada');
      const warn = logoff({ action: 'warn', graceMs: 60_000 });
      const first = await admin.does<Order>('orders.create', here({ body: warn }));
      const second = await admin.does<Order>('orders.create', here({ body: warn }));
      await admin.does('orders.cancel', here({ id: first.id }));
      const ids = async (query: Sent['query'] = {}) =>
        (await admin.does<Page<Order>>('orders.list', here({ query }))).items.map(({ id }) => id);
      expect(await ids()).to.deep.equal([second.id, first.id]);
      expect(await ids({ state: 'cancelled' })).to.deep.equal([first.id]);
      expect(await ids({ by: 'root' })).to.deep.equal([second.id, first.id]);
      expect(await ids({ by: 'somebody' })).to.deep.equal([]);
      expect(await ids({ by: 'policy' })).to.deep.equal([]);
    });

    it('[O15] H43 the same key gives the same order once, whatever comes again', async () => {
      await broker.connect(tenant, 'ada');
      const body = logoff({ action: 'warn', graceMs: 60_000 });
      const key = { headers: { 'Idempotency-Key': 'order-1' } };
      const answers = [];
      for (let again = 0; again < 10; again += 1) {
        answers.push(await admin.call<Order>('orders.create', here({ body, ...key })));
      }
      expect(new Set(answers.map((answer) => answer.body.id)).size).to.equal(1);
      expect(answers.map((answer) => answer.status)).to.deep.equal(answers.map(() => 201));
      expect(answers.map((answer) => answer.headers.get('idempotent-replayed'))).to.deep.equal([
        null,
        ...answers.slice(1).map(() => 'true'),
      ]);
      expect(answers[1]?.headers.get('location')).to.equal(`orders/${answers[0]?.body.id}`);
      expect((await admin.does<Page<Order>>('orders.list', here())).items).to.have.length(1);

      const other = await admin.refused(
        'orders.create',
        here({ body: { ...body, message: 'Other.' }, ...key }),
      );
      expect(other.code).to.equal('conflict');
      const elsewhere = await admin.refused(
        'locks.break',
        here({ body: { resource: 'a', reason: 'b' }, ...key }),
      );
      expect(elsewhere.code).to.equal('conflict');
      for (const bad of ['', 'x'.repeat(129), 'a b']) {
        const refused = await admin.refused(
          'orders.create',
          here({ body, headers: { 'Idempotency-Key': bad } }),
        );
        expect(refused.issues?.[0]?.path, bad).to.equal('Idempotency-Key');
      }
    });
  });

  describe('locks', () => {
    it('[L11] are listed with holders and queues, broken, and checked', async () => {
      const [ada, grace] = await Promise.all([
        broker.connect(tenant, 'ada'),
        broker.connect(tenant, 'grace'),
      ]);
      const fence = await locked(ada, 'invoices/7');
      await locked(ada, 'notes/1');
      await grace.acquire('invoices/7', 60_000);
      const list = (query: NonNullable<Sent['query']>) => admin.does<Page<LockEntry>>('locks.list', here({ query }));
      const [entry] = (await list({ prefix: 'invoices/' })).items;
      expect(entry?.holders.map(({ user }) => user.id)).to.deep.equal(['ada']);
      expect(entry?.waiters.map(({ user }) => user.id)).to.deep.equal(['grace']);
      expect((await list({ user: 'grace' })).items.map(({ resource }) => resource)).to.deep.equal([
        'invoices/7',
      ]);
      const page = await list({ limit: 1 });
      expect(page.next).to.match(/^[\w-]+$/);
      expect((await list({ limit: 1, cursor: String(page.next) })).items[0]?.resource).to.equal('notes/1');

      const service = await client(['service']);
      const check = (body: object) => service.does('locks.check', here({ body }));
      expect(await check({ resource: 'invoices/7', fence })).to.deep.equal({ valid: true });
      expect(await check({ resource: 'invoices/7', fence, sessionId: grace.sessionId })).to.deep.equal({
        valid: false,
      });

      const broken = { resource: 'invoices/7', reason: 'left for lunch' };
      const key = { headers: { 'Idempotency-Key': 'break-1' } };
      expect(await admin.does('locks.break', here({ body: broken, ...key }))).to.deep.equal({ broken: true });
      await ada.saw('lock:lost', (push) => push.fence === fence);
      await grace.saw('lock:granted');
      // Sent again after a lost answer it must not break the next holder's lock.
      expect(await admin.does('locks.break', here({ body: broken, ...key }))).to.deep.equal({ broken: true });
      expect((await list({ prefix: 'invoices/' })).items[0]?.holders[0]?.user.id).to.equal('grace');
      expect(await check({ resource: 'invoices/7', fence })).to.deep.equal({ valid: false });
      const nobody = await admin.does(
        'locks.break',
        here({ body: { resource: 'free/1', reason: 'why not' } }),
      );
      expect(nobody).to.deep.equal({ broken: false });
    });

    it('[L10] a check is answered anew, whatever key it carries', async () => {
      const ada = await broker.connect(tenant, 'ada');
      const body = { resource: 'invoices/7', fence: await locked(ada, 'invoices/7') };
      const sent = here({ body, headers: { 'Idempotency-Key': 'check-1' } });
      expect(await admin.does('locks.check', sent)).to.deep.equal({ valid: true });
      await ada.does('lock:release', body);
      expect(await admin.does('locks.check', sent)).to.deep.equal({ valid: false });
    });
  });

  describe('audit, settings, registry', () => {
    it('[A3] the trail is read newest first, in pages, and says that it was read', async () => {
      const ada = await broker.connect(tenant, 'ada');
      await ada.does('session:end', {});
      const read = (query: Sent['query'] = {}) =>
        admin.does<Page<AuditRecord>>('audit.list', here({ query }));
      const all = await read();
      expect(all.items.map(({ rev }) => rev)).to.deep.equal(
        all.items.map(({ rev }) => rev).toSorted((a, b) => b - a),
      );
      expect(all.items.map(({ type }) => type)).to.include.members(['session.opened', 'session.ended']);
      const opened = all.items.find(({ type }) => type === 'session.opened') as AuditRecord;
      expect((await read({ type: 'session.opened' })).items).to.deep.equal([opened]);
      expect(
        (await read({ session: ada.sessionId, from: opened.at, to: opened.at + 1 })).items,
      ).to.deep.include(opened);
      expect((await read({ type: 'session.opened', to: opened.at })).items).to.deep.equal([]);
      const [reading] = (await read({ type: 'audit.read', limit: 1 })).items;
      expect(reading?.by).to.deep.equal({ kind: 'admin', id: 'root', name: 'root by name' });
      expect(reading?.details).to.deep.equal({ type: 'session.opened', to: opened.at });

      const revs: number[] = [];
      let page = await read({ limit: 2 });
      for (; page.next !== undefined; page = await read({ limit: 2, cursor: page.next })) {
        revs.push(...page.items.map(({ rev }) => rev));
      }
      expect(revs).to.deep.equal(revs.toSorted((a, b) => b - a));
    });

    it('[A4] settings are replaced as a whole, against the version that was seen', async () => {
      const before = await admin.call<Policy>('policy.get', here());
      expect(before.headers.get('etag')).to.equal('"0"');
      const set = (ifMatch: string | undefined, body: object) =>
        here({ body, ...(ifMatch === undefined ? {} : { headers: { 'If-Match': ifMatch } }) });
      const changed = { ...DEFAULT_POLICY, graceMs: 90_000 };
      const after = await admin.call<Policy>('policy.set', set('"0"', changed));
      expect(after.headers.get('etag')).to.equal('"1"');
      expect(after.body).to.deep.equal({ ...changed, version: 1 });
      expect(await admin.does('policy.get', here())).to.deep.equal(after.body);

      const late = await admin.refused('policy.set', set('"0"', DEFAULT_POLICY));
      expect(late).to.include({ code: 'version_mismatch', status: 412 });
      for (const none of [undefined, '*', '1', '"x"', '"1", "0"']) {
        const refused = await admin.refused('policy.set', set(none, changed));
        expect(refused.issues?.[0]?.path, none).to.equal('If-Match');
      }
      // A proxy that compresses weakens the tag.
      expect((await admin.call('policy.set', set('W/"1"', changed))).status).to.equal(200);
      const { graceMs: _one, ...rest } = changed;
      const wrong = [rest, { ...changed, version: 2 }, { ...changed, beatMs: 30_000, leaseMs: 60_000 }];
      for (const settings of wrong) {
        expect((await admin.refused('policy.set', set('"2"', settings))).code).to.equal('invalid');
      }
    });

    it('nodes and tenants are listed for operators', async () => {
      await broker.connect(tenant, 'ada');
      const operator = await client(['operator']);
      const nodes = await operator.does<Page<Node>>('nodes.list');
      expect(nodes.items.map(({ id }) => id)).to.include(broker.core.nodes.id);
      const names: string[] = [];
      let cursor: string | undefined;
      do {
        const query = { limit: 3, ...(cursor === undefined ? {} : { cursor }) };
        const page: Page<string> = await operator.does('tenants.list', { query });
        names.push(...page.items);
        cursor = page.next;
      } while (cursor !== undefined);
      expect(names).to.include(tenant);
      expect(names).to.deep.equal([...new Set(names)].toSorted());
    });
  });
});
