import type { Order, Page, Session } from '@lastcall/shared';
import { expect } from 'chai';
import type { SessionDetail } from 'lastcall/internal/schema/index.js';
import { locked, logoff, UNKNOWN, useApi } from './support/api.js';

describe('http: sessions', () => {
  const api = useApi();

  it('[S9] are listed with what is known of them, filtered, page by page', async () => {
    const [ada] = await Promise.all([
      api.broker.connect(api.tenant, 'ada', { auth: { app: { name: 'books', version: '1.2' } } }),
      api.broker.connect(api.tenant, 'grace'),
      api.broker.connect(api.tenant, 'linus'),
    ]);
    await locked(ada, 'invoices/7');
    await ada.heartbeat({ dirty: true, view: 'Invoice 7' });
    const { items } = await api.admin.does<Page<Session>>('sessions.list', api.here());
    expect(items).to.have.length(3);
    const [books] = (
      await api.admin.does<Page<Session>>('sessions.list', api.here({ query: { app: 'books' } }))
    ).items;
    expect(books).to.deep.include({
      id: ada.sessionId,
      dirty: true,
      view: 'Invoice 7',
      locks: 1,
      state: 'active',
    });
    for (const query of [{ user: 'grace' }, { q: 'GRACE' }]) {
      const found = await api.admin.does<Page<Session>>('sessions.list', api.here({ query }));
      expect(
        found.items.map(({ user }) => user.id),
        JSON.stringify(query),
      ).to.deep.equal(['grace']);
    }

    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: 2, ...(cursor === undefined ? {} : { cursor }) };
      const page: Page<Session> = await api.admin.does('sessions.list', api.here({ query }));
      seen.push(...page.items.map(({ user }) => user.id));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(seen.toSorted()).to.deep.equal(['ada', 'grace', 'linus']);
  });

  it('[S9] one comes with its locks, orders and latest records', async () => {
    const [ada, grace] = await Promise.all([
      api.broker.connect(api.tenant, 'ada'),
      api.broker.connect(api.tenant, 'grace'),
    ]);
    const fence = await locked(ada, 'invoices/7');
    await locked(grace, 'invoices/8');
    const order = await api.admin.does<Order>(
      'orders.create',
      api.here({ body: logoff({ graceMs: 60_000 }) }),
    );
    const detail = await api.admin.does<SessionDetail>('sessions.get', api.here({ id: ada.sessionId }));
    expect(detail.session).to.include({ id: ada.sessionId, state: 'warned', locks: 1 });
    expect(detail.locks.map((lock) => [lock.resource, lock.fence])).to.deep.equal([['invoices/7', fence]]);
    expect(detail.orders.map(({ id }) => id)).to.deep.equal([order.id]);
    expect(detail.audit.map(({ type }) => type)).to.include.members(['session.opened', 'lock.granted']);
    expect(detail).not.to.have.property('receipt');
  });

  it('[S7] [O9] one that ended under an order answers with its end and its receipt', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    const { id } = await api.admin.does<Order>('orders.create', api.here({ body: logoff() }));
    await api.done(id);
    const detail = await api.admin.does<SessionDetail>('sessions.get', api.here({ id: ada.sessionId }));
    expect(detail.session.state).to.equal('ended');
    expect(detail.session.ended).to.include({ reason: 'admin', orderId: id });
    expect(detail.locks).to.deep.equal([]);
    expect(detail.orders.map((order) => order.id)).to.deep.equal([id]);
    expect(detail.receipt).to.include({ sessionId: ada.sessionId, state: 'ended', verified: true });
    expect((await api.admin.refused('sessions.get', api.here({ id: UNKNOWN }))).code).to.equal('not_found');
  });

  it('are checked for back ends: live, ended, unknown', async () => {
    const service = await api.client(['service']);
    const ada = await api.broker.connect(api.tenant, 'ada');
    const check = (sessionId: string) => service.does('sessions.check', api.here({ body: { sessionId } }));
    const user = { id: 'ada', name: 'ada by name' };
    expect(await check(ada.sessionId)).to.deep.equal({ live: true, user, state: 'active' });
    await ada.does('session:end', {});
    expect(await check(ada.sessionId)).to.deep.equal({ live: false, user, state: 'ended' });
    expect(await check(UNKNOWN)).to.deep.equal({ live: false });
  });
});
