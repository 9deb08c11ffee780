import type { AuditRecord, Order, Page, Receipt } from '@lastcall/shared';
import { expect } from 'chai';
import { logoff, useApi } from './support/api.js';
import { ApiClient } from './support/http.js';
import { waitUntil } from './support/wait.js';

/** Time enough to give another order before it is over, also on a slow machine. */
const SOON_MS = 800;

describe('two administrators', () => {
  const api = useApi();
  let olga: ApiClient;
  let ivan: ApiClient;
  beforeEach(async () => {
    [olga, ivan] = (await Promise.all(
      ['olga', 'ivan'].map(
        async (sub) => new ApiClient(api.broker.url, await api.broker.token(api.tenant, sub, ['admin'])),
      ),
    )) as [ApiClient, ApiClient];
  });

  const order = (by: ApiClient, target: Order['target'], graceMs: number): Promise<Order> =>
    by.does<Order>('orders.create', api.here({ body: logoff({ target, graceMs }) }));

  async function records(type: AuditRecord['type']): Promise<readonly AuditRecord[]> {
    const page = await api.admin.does<Page<AuditRecord>>('audit.list', api.here({ query: { type } }));
    return page.items.toReversed();
  }

  async function outcomes({ id }: Order): Promise<ReadonlyMap<string, string | undefined>> {
    const { items } = await api.admin.does<Page<Receipt>>('orders.receipts', api.here({ id }));
    return new Map(items.map(({ user, outcome }) => [user.id, outcome]));
  }

  it('[O21] [O13] whose orders overlap: the earliest rules each session, and both stand in the trail', async () => {
    const [ada, grace] = await Promise.all(
      ['ada', 'grace'].map((user) => api.broker.connect(api.tenant, user)),
    );
    const [late, early] = await Promise.all([
      order(olga, { all: true }, 2 * SOON_MS),
      order(ivan, { users: ['ada'] }, SOON_MS),
    ]);
    await Promise.all([api.done(late.id), api.done(early.id)]);
    const ends = await records('session.ended');
    expect(ends.map(({ user, orderId, by }) => [user?.id, orderId, by.id])).to.deep.equal([
      ['ada', early.id, 'ivan'],
      ['grace', late.id, 'olga'],
    ]);
    for (const [end, { deadlineAt }] of [
      [ends[0], early],
      [ends[1], late],
    ] as const) {
      expect(end?.at).to.be.at.least(deadlineAt);
    }
    expect(await outcomes(early)).to.deep.equal(new Map([['ada', 'forced']]));
    expect(await outcomes(late)).to.deep.equal(
      new Map([
        ['ada', 'gone'],
        ['grace', 'forced'],
      ]),
    );
    const created = await records('order.created');
    expect(created.map(({ orderId, by }) => [orderId, by.id])).to.have.deep.members([
      [late.id, 'olga'],
      [early.id, 'ivan'],
    ]);
    expect(ada?.last('logoff')?.by).to.include({ id: 'ivan' });
    expect(grace?.last('logoff')?.by).to.include({ id: 'olga' });
  });

  it('[O21] [O8] one cancels what the other ordered: the next order rules, the trail names both', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    const early = await order(olga, { users: ['ada'] }, SOON_MS);
    const late = await order(ivan, { users: ['ada'] }, 2 * SOON_MS);
    await ivan.does('orders.cancel', api.here({ id: early.id }));
    await ada.saw('warning:cancelled', ({ orderId }) => orderId === early.id);
    expect((await ada.saw('logoff')).orderId).to.equal(late.id);
    const [cancelled, ...more] = await records('order.cancelled');
    expect(more).to.deep.equal([]);
    expect(cancelled).to.deep.include({ orderId: early.id });
    expect(cancelled?.by.id).to.equal('ivan');
    const [end] = await records('session.ended');
    expect(end?.at).to.be.at.least(late.deadlineAt);
  });

  it('[O21] [O8] who cancels too late is told, and nothing is changed or recorded', async () => {
    await api.broker.connect(api.tenant, 'ada');
    const { id } = await order(olga, { users: ['ada'] }, 0);
    const refused = await ivan.refused('orders.cancel', api.here({ id }));
    expect(refused).to.include({ code: 'conflict', status: 409 });
    expect(refused.detail).to.match(/already (closing|done)/);
    await api.done(id);
    expect(await records('order.cancelled')).to.deep.equal([]);
  });

  it('[O21] [O8] both cancel at once: both are told that it is cancelled, one did it', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    const { id } = await order(olga, { users: ['ada'] }, 60_000);
    const answers = await Promise.all(
      [olga, ivan].map((admin) => admin.does<Order>('orders.cancel', api.here({ id }))),
    );
    expect(answers.map(({ state }) => state)).to.deep.equal(['cancelled', 'cancelled']);
    expect(await records('order.cancelled')).to.have.length(1);
    await ada.saw('warning:cancelled');
    expect(ada.all('warning:cancelled')).to.have.length(1);
  });

  it('[O21] [O15] a key is of who sends it: the same key of another one is a conflict, not their order', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    const sent = api.here({
      body: logoff({ target: { users: ['ada'] }, graceMs: 60_000 }),
      headers: { 'Idempotency-Key': 'ours' },
    });
    const { id } = await olga.does<Order>('orders.create', sent);
    expect((await ivan.refused('orders.create', sent)).code).to.equal('conflict');
    await waitUntil(() => ada.all('warning').length > 0, 'the warning');
    expect(ada.all('warning').map(({ orderId }) => orderId)).to.deep.equal([id]);
  });
});
