import type { Order } from '@lastcall/shared';
import { expect } from 'chai';
import { TestBroker, type TestClient } from './support/broker.js';
import { LONG_MS, sessionsOf, useOrders } from './support/orders.js';
import { waitUntil } from './support/wait.js';

const MORE_THAN_A_STEP = 120;

/** The code an operation is refused with. */
const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'accepted',
    (error: { code?: string }) => error.code ?? 'a fault',
  );

describe('orders', () => {
  const bench = useOrders();

  const ack = (client: TestClient, { id }: Order, state: 'seen' | 'saving' | 'saved') =>
    client.does('order:ack', { orderId: id, state });

  describe('the warning', () => {
    it('[O3] reaches every target; who acknowledges it has it', async () => {
      const [ada, grace, mute] = await Promise.all([
        bench.connect('ada'),
        bench.connect('grace'),
        bench.connect('mute', { acknowledges: false }),
      ]);
      const order = await bench.warn({ all: true });
      await Promise.all(
        [ada, grace, mute].map((client) => client.saw('warning', (w) => w.orderId === order.id)),
      );
      await waitUntil(async () => (await bench.get(order)).counts.delivered === 2, 'two acknowledgements');
      expect(await bench.receipt(order, ada)).to.include({ state: 'delivered' });
      expect((await bench.receipt(order, ada)).deliveredAt).to.be.at.least(order.createdAt);
      expect(await bench.receipt(order, mute)).to.include({ state: 'targeted' });
      expect(await bench.receipt(order, mute)).not.to.have.property('deliveredAt');
      // What it says of the order proves as much.
      await ack(mute, order, 'seen');
      expect(await bench.receipt(order, mute))
        .to.include({ state: 'seen' })
        .and.to.have.property('deliveredAt');
    });

    it('[O3] [A1] its receipt goes from targeted to saved, each step recorded once', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.warn({ all: true });
      await bench.receiptWhen(order, ada, ({ state }) => state === 'delivered');
      for (const state of ['seen', 'saving', 'saved'] as const) {
        for (let time = 0; time < 2; time += 1) await ack(ada, order, state);
        expect((await bench.receipt(order, ada)).state).to.equal(state);
      }
      // News that comes late takes nothing back.
      await ack(ada, order, 'saving');
      await ack(ada, order, 'seen');
      expect((await bench.receipt(order, ada)).state).to.equal('saved');
      const said = (await bench.records('order.acked')).map(({ details }) => details?.['state']);
      expect(said).to.deep.equal(['delivered', 'seen', 'saving', 'saved']);
    });

    it('[O3] waits in the next welcome of who is away', async () => {
      const ada = await bench.connect('ada');
      await ada.drop();
      const order = await bench.logoff(sessionsOf(ada));
      expect((await bench.session(ada)).state).to.equal('disconnected');
      const back = await bench.connect('ada', { auth: { resume: ada.resume } });
      expect(back.welcome.resumed).to.equal(true);
      expect(back.welcome.orders.map(({ orderId }) => orderId)).to.deep.equal([order.id]);
      expect(back.welcome.orders[0]?.deadlineMs).to.be.within(1, LONG_MS);
      await bench.receiptWhen(order, ada, ({ deliveredAt }) => deliveredAt !== undefined);
      expect((await bench.session(ada)).state).to.equal('warned');
    });

    it('[O3] [O6] [O14] in a welcome knows of the hold and of more time', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff(sessionsOf(ada), { extend: { maxCount: 1, maxTotalMs: LONG_MS } });
      await ada.does('order:extend', { orderId: order.id, ms: LONG_MS });
      await ada.drop();
      const back = await bench.connect('ada', { auth: { resume: ada.resume } });
      expect(back.welcome.orders[0]?.deadlineMs).to.be.within(LONG_MS + 1, 2 * LONG_MS);
    });

    it('[P3] [O3] reaches clients of every broker', async () => {
      const other = await TestBroker.start();
      try {
        const ada = await other.connect(bench.tenant, 'ada');
        const order = await bench.logoff({ all: true });
        await ada.saw('warning');
        await ack(ada, order, 'saved');
        await ada.saw('logoff');
        expect((await bench.get(order)).counts).to.include({ targeted: 1, saved: 1 });
        await bench.receiptWhen(order, ada, ({ verified }) => verified === true);
      } finally {
        await other.close();
      }
    });
  });

  describe('cancelling', () => {
    it('[O8] before the deadline lets everybody go and tells who was warned', async () => {
      const [ada, grace, away] = await Promise.all(['ada', 'grace', 'away'].map((sub) => bench.connect(sub)));
      const order = await bench.logoff({ all: true });
      await Promise.all([ada?.saw('warning'), grace?.saw('warning'), away?.saw('warning')]);
      await away?.drop();
      const cancelled = await bench.cancel(order);
      expect(cancelled).to.include({ id: order.id, state: 'cancelled' });
      expect(cancelled.version).to.be.greaterThan(order.version);
      for (const client of [ada, grace])
        await client?.saw('warning:cancelled', ({ orderId }) => orderId === order.id);
      expect((await bench.session(ada as TestClient)).state).to.equal('active');
      expect(await bench.session(ada as TestClient)).not.to.have.property('warned');
      const back = await bench.connect('away', { auth: { resume: (away as TestClient).resume } });
      expect(back.welcome.orders).to.deep.equal([]);
    });

    it('[O8] again changes nothing', async () => {
      await bench.open(1);
      const order = await bench.logoff({ all: true });
      const first = await bench.cancel(order);
      expect(await bench.cancel(order)).to.deep.equal(first);
      expect(await bench.records('order.cancelled')).to.have.length(1);
    });

    it('[O8] is refused once the order closes', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff(sessionsOf(ada), { graceMs: 500, holdMs: LONG_MS });
      await ack(ada, order, 'saving');
      await bench.until(order, 'closing');
      expect(await refusal(bench.cancel(order)), 'closing').to.equal('conflict');
      await ack(ada, order, 'saved');
      await bench.until(order, 'done');
      expect(await refusal(bench.cancel(order)), 'done').to.equal('conflict');
      const unknown = { ...order, id: '01970000-0000-7000-8000-000000000001' };
      expect(await refusal(bench.cancel(unknown))).to.equal('not_found');
    });

    it('[O8] works for a warning too, until its time is over', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.warn({ all: true });
      await bench.cancel(order);
      await ada.saw('warning:cancelled');
      const over = await bench.until(await bench.warn({ all: true }, { graceMs: 0 }), 'done');
      expect(await refusal(bench.cancel(over))).to.equal('conflict');
    });

    it('[O8] [O11] lets go of more than one step looks at', async () => {
      const opened = await bench.open(MORE_THAN_A_STEP);
      const order = await bench.until(await bench.logoff({ all: true }), 'pending');
      await bench.cancel(order);
      const ids = opened.map(({ attachment }) => attachment.sessionId);
      await waitUntil(async () => {
        const sessions = await bench.broker.core.sessions.byIds(bench.tenant, ids);
        return sessions.every(({ state }) => state === 'active');
      }, 'everybody to be free');
    });

    it('[O8] [O12] lets those in again whom the order kept out', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff({ all: true }, { reentry: { denyMs: LONG_MS } });
      await ack(ada, order, 'saved');
      await ada.saw('logoff', ({ reentryMs }) => reentryMs === LONG_MS);
      expect((await bench.connect('ada')).error?.code).to.equal('blocked');
      await bench.cancel(order);
      expect((await bench.connect('ada')).error).to.equal(undefined);
    });
  });

  describe('the end of an order', () => {
    it('[O10] for nobody comes at once', async () => {
      for (const order of [await bench.logoff({ users: ['nobody'] }), await bench.warn({ all: true })]) {
        expect(order.state).to.equal('done');
        expect(order.counts.targeted).to.equal(0);
      }
    });

    it('[O10] for those it names comes when every receipt is decided', async () => {
      const [ada, grace] = await Promise.all([bench.connect('ada'), bench.connect('grace')]);
      const order = await bench.logoff(sessionsOf(ada, grace));
      await ack(ada, order, 'saved');
      await bench.receiptWhen(order, ada, ({ verified }) => verified === true);
      expect((await bench.get(order)).state).to.equal('pending');
      await grace.does('session:end', {});
      const done = await bench.until(order, 'done');
      expect(done.counts).to.include({ targeted: 2, saved: 1, ended: 2, verified: 2 });
      const [record] = await bench.records('order.done');
      expect(record?.at).to.be.below(order.deadlineAt);
    });

    it('[O10] [O4] for everybody does not come before its deadline, for others may still come', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff({ all: true }, { graceMs: 800 });
      await ack(ada, order, 'saved');
      const late = await bench.connect('late');
      await late.saw('warning');
      expect((await bench.get(order)).state).to.equal('pending');
      expect((await bench.until(order, 'done')).counts).to.include({ targeted: 2, verified: 2 });
      const [record] = await bench.records('order.done');
      expect(record?.at).to.be.at.least(order.deadlineAt);
    });

    it('[O10] a list shows orders newest first, page by page, by state', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) ids.unshift((await bench.logoff({ users: [`nobody-${i}`] })).id);
      await bench.open(1);
      const open = await bench.warn({ all: true });
      const list = (filter: object, cursor?: string) =>
        bench.orders.list(bench.tenant, filter, { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      const seen: string[] = [];
      let page = await list({});
      for (; page.next !== undefined; page = await list({}, page.next))
        seen.push(...page.items.map(({ id }) => id));
      seen.push(...page.items.map(({ id }) => id));
      expect(seen).to.deep.equal([open.id, ...ids]);
      expect((await list({ state: 'pending' })).items.map(({ id }) => id)).to.deep.equal([open.id]);
      expect((await list({ by: 'policy' })).items).to.deep.equal([]);
    });
  });

  describe('staying out', () => {
    it('[O12] [S7] a logged-off client is refused, and told how it ended', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff(
        { all: true },
        { graceMs: 0, message: 'Closing time.', reason: 'maintenance' },
      );
      await bench.until(order, 'done');
      const end = await bench.end(ada);
      const { error } = await bench.connect('ada', { auth: { resume: ada.resume } });
      expect(error).to.deep.include({
        code: 'session_ended',
        terminal: true,
        ended: {
          reason: 'maintenance',
          by: order.by,
          message: 'Closing time.',
          endedAt: end.at,
          orderId: order.id,
        },
      });
      // Without `reentry` the person may sign in again.
      expect((await bench.connect('ada')).error).to.equal(undefined);
    });

    it('[O12] new sessions of the person are refused until the time is over, of others never', async () => {
      const ada = await bench.connect('ada');
      const reentry = { denyMs: 1_500 };
      const order = await bench.logoff({ users: ['ada'] }, { graceMs: 0, reentry, message: 'Back soon.' });
      const push = await ada.saw('logoff');
      expect(push.reentryMs).to.equal(1_500);
      const { at } = await bench.end(ada);
      const { error } = await bench.connect('ada');
      expect(error).to.include({ code: 'blocked', terminal: true, untilAt: at + 1_500 });
      expect(error?.message).to.include('Back soon.');
      expect((await bench.connect('ada', { auth: { resume: ada.resume } })).error?.code).to.equal(
        'session_ended',
      );
      expect((await bench.connect('grace')).error).to.equal(undefined);
      await bench.until(order, 'done');
      await waitUntil(async () => (await bench.connect('ada')).error === undefined, 'the time to be over');
      const opened = (await bench.records('session.opened')).filter(({ user }) => user?.id === 'ada');
      expect(opened.at(-1)?.at).to.be.at.least(at + 1_500);
    });

    it('[O12] the person’s other sessions go on', async () => {
      const [one, two] = await Promise.all([bench.connect('ada'), bench.connect('ada')]);
      const order = await bench.logoff(sessionsOf(one), { graceMs: 0, reentry: { denyMs: LONG_MS } });
      await bench.until(order, 'done');
      await two.drop();
      const back = await bench.connect('ada', { auth: { resume: two.resume } });
      expect(back.welcome.resumed).to.equal(true);
    });

    it('[O12] who signs out before the deadline does not come back past an order for this session', async () => {
      const ada = await bench.connect('ada');
      await bench.logoff(sessionsOf(ada), { reentry: { denyMs: LONG_MS } });
      await ada.does('session:end', {});
      expect((await bench.connect('ada')).error?.code).to.equal('blocked');
    });

    it('[O12] [O4] who signs out before the deadline may come back under an order for the person', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff({ users: ['ada'] }, { reentry: { denyMs: LONG_MS } });
      await ada.does('session:end', {});
      const again = await bench.connect('ada');
      expect(again.welcome.orders.map(({ orderId }) => orderId)).to.deep.equal([order.id]);
    });
  });
});
