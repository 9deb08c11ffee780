import type { Order, Page, Receipt, Session } from '@lastcall/shared';
import { expect } from 'chai';
import { logoff, UNKNOWN, useApi } from './support/api.js';
import type { Sent } from './support/http.js';

describe('http: orders', () => {
  const api = useApi();

  it('[O1] [O9] [O10] are given, read, and answered with receipts', async () => {
    const clients = await Promise.all(
      ['ada', 'grace', 'linus'].map((user) => api.broker.connect(api.tenant, user)),
    );
    const created = await api.admin.call<Order>(
      'orders.create',
      api.here({ body: logoff({ message: 'Bye.' }) }),
    );
    expect(created.status).to.equal(201);
    expect(created.headers.get('location')).to.equal(`orders/${created.body.id}`);
    const order = await api.done(created.body.id);
    expect(order.counts).to.include({ targeted: 3, verified: 3, unverified: 0 });
    const first = await api.admin.does<Page<Receipt>>(
      'orders.receipts',
      api.here({ id: order.id, query: { limit: 2 } }),
    );
    const rest = await api.admin.does<Page<Receipt>>(
      'orders.receipts',
      api.here({ id: order.id, query: { limit: 2, cursor: String(first.next) } }),
    );
    const receipts = [...first.items, ...rest.items];
    expect(receipts.map(({ sessionId }) => sessionId).toSorted()).to.deep.equal(
      clients.map(({ sessionId }) => sessionId).toSorted(),
    );
    for (const { verified, outcome } of receipts)
      expect({ verified, outcome }).to.deep.equal({ verified: true, outcome: 'forced' });
    expect((await api.admin.refused('orders.receipts', api.here({ id: UNKNOWN }))).code).to.equal(
      'not_found',
    );
  });

  it('[O2] a rehearsal says who would be hit and does nothing', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    const answer = await api.admin.call<{ total: number; items: Session[] }>(
      'orders.create',
      api.here({ body: logoff({ dryRun: true }), headers: { 'Idempotency-Key': 'rehearsal' } }),
    );
    expect(answer.status).to.equal(200);
    expect(answer.body).to.include({ dryRun: true, total: 1 });
    expect(answer.body.items[0]?.id).to.equal(ada.sessionId);
    expect((await api.admin.does<Page<Order>>('orders.list', api.here())).items).to.have.length(0);
    // The key is still free: nothing was done under it.
    const real = await api.admin.call(
      'orders.create',
      api.here({ body: logoff(), headers: { 'Idempotency-Key': 'rehearsal' } }),
    );
    expect(real.status).to.equal(201);
  });

  it('[O8] are cancelled until they close', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    const { id } = await api.admin.does<Order>(
      'orders.create',
      api.here({ body: logoff({ graceMs: 60_000 }) }),
    );
    await ada.saw('warning');
    expect(await api.admin.does<Order>('orders.cancel', api.here({ id }))).to.include({ state: 'cancelled' });
    await ada.saw('warning:cancelled');
    const over = await api.admin.does<Order>('orders.create', api.here({ body: logoff() }));
    await api.done(over.id);
    expect((await api.admin.refused('orders.cancel', api.here({ id: over.id }))).code).to.equal('conflict');
  });

  it('are listed newest first, by state and by who gave them', async () => {
    await api.broker.connect(api.tenant, 'ada');
    const warn = logoff({ action: 'warn', graceMs: 60_000 });
    const first = await api.admin.does<Order>('orders.create', api.here({ body: warn }));
    const second = await api.admin.does<Order>('orders.create', api.here({ body: warn }));
    await api.admin.does('orders.cancel', api.here({ id: first.id }));
    const ids = async (query: Sent['query'] = {}) =>
      (await api.admin.does<Page<Order>>('orders.list', api.here({ query }))).items.map(({ id }) => id);
    expect(await ids()).to.deep.equal([second.id, first.id]);
    expect(await ids({ state: 'cancelled' })).to.deep.equal([first.id]);
    expect(await ids({ by: 'root' })).to.deep.equal([second.id, first.id]);
    expect(await ids({ by: 'somebody' })).to.deep.equal([]);
    expect(await ids({ by: 'policy' })).to.deep.equal([]);
  });

  it('[O15] H43 the same key gives the same order once, whatever comes again', async () => {
    await api.broker.connect(api.tenant, 'ada');
    const body = logoff({ action: 'warn', graceMs: 60_000 });
    const key = { headers: { 'Idempotency-Key': 'order-1' } };
    const answers = [];
    for (let again = 0; again < 10; again += 1) {
      answers.push(await api.admin.call<Order>('orders.create', api.here({ body, ...key })));
    }
    expect(new Set(answers.map((answer) => answer.body.id)).size).to.equal(1);
    expect(answers.map((answer) => answer.status)).to.deep.equal(answers.map(() => 201));
    expect(answers.map((answer) => answer.headers.get('idempotent-replayed'))).to.deep.equal([
      null,
      ...answers.slice(1).map(() => 'true'),
    ]);
    expect(answers[1]?.headers.get('location')).to.equal(`orders/${answers[0]?.body.id}`);
    expect((await api.admin.does<Page<Order>>('orders.list', api.here())).items).to.have.length(1);

    const other = await api.admin.refused(
      'orders.create',
      api.here({ body: { ...body, message: 'Other.' }, ...key }),
    );
    expect(other.code).to.equal('conflict');
    const elsewhere = await api.admin.refused(
      'locks.break',
      api.here({ body: { resource: 'a', reason: 'b' }, ...key }),
    );
    expect(elsewhere.code).to.equal('conflict');
    for (const bad of ['', 'x'.repeat(129), 'a b']) {
      const refused = await api.admin.refused(
        'orders.create',
        api.here({ body, headers: { 'Idempotency-Key': bad } }),
      );
      expect(refused.issues?.[0]?.path, bad).to.equal('Idempotency-Key');
    }
  });
});
