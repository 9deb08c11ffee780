import { type AuditRecord, REMINDER_LADDER_MS } from '@lastcall/shared';
import { expect } from 'chai';
import { TestBroker, type TestClient } from './support/broker.js';
import { LATE_MS, LONG_MS, sessionsOf, useOrders } from './support/orders.js';
import { waitUntil } from './support/wait.js';

/** The shortest mark, and graces that have it soon. */
const LAST_MS = REMINDER_LADDER_MS.at(-1) ?? Number.NaN;
const SOON_MS = 500;

describe('orders: reminders', function () {
  this.timeout(30_000);
  const bench = useOrders();

  const reminders = async (orderId: string): Promise<readonly AuditRecord[]> =>
    (await bench.records('order.changed')).filter(
      (record) => record.orderId === orderId && record.details?.['reminded'] !== undefined,
    );
  const versions = (client: TestClient, id: string): readonly number[] =>
    client
      .all('warning')
      .filter(({ orderId }) => orderId === id)
      .map(({ version }) => version);

  it('has the ladder of the contract, the longest first', () => {
    const minutes = REMINDER_LADDER_MS.map((ms) => ms / 60_000);
    expect(minutes).to.deep.equal([60, 30, 15, 10, 5, 4, 3, 2, 1, 0.5]);
  });

  it('[O17] come at the marks below the grace: one record for all, a higher version for each who is under the order', async () => {
    const other = await TestBroker.start();
    try {
      const people = await Promise.all(['ada', 'bob'].map((sub) => bench.connect(sub)));
      const elsewhere = await other.connect(bench.tenant, 'eve');
      const spared = await bench.connect('grace');
      await bench.open(120);
      const order = await bench.logoff(
        { all: true },
        { graceMs: LAST_MS + SOON_MS, except: { users: ['grace'] } },
      );
      const all = [...people, elsewhere];
      await waitUntil(async () => (await reminders(order.id)).length === 1, 'the reminder');
      const [record] = await reminders(order.id);
      expect(record?.details).to.include({
        reminded: LAST_MS,
        orderId: order.id,
        deadlineAt: order.deadlineAt,
      });
      expect((record?.at ?? 0) - (order.deadlineAt - LAST_MS)).to.be.within(0, LATE_MS);
      const version = Number(record?.details?.['version']);
      for (const client of all) {
        const push = await client.saw('warning', (warning) => warning.version === version);
        expect(push).to.include({ orderId: order.id, message: order.message, action: 'logoff' });
        expect(push.deadlineMs).to.be.within(LAST_MS - LATE_MS, LAST_MS + 100);
        expect(versions(client, order.id)).to.have.length(2);
      }
      expect(versions(spared, order.id)).to.deep.equal([]);
      const late = await bench.connect('late');
      expect(late.welcome.orders[0]?.version).to.be.at.least(version);
      await bench.cancel(order);
    } finally {
      await other.close();
    }
  });

  it('[O17] leave the time that a session has of its own: extended, or saving', async () => {
    const [ada, bob, eve] = [
      await bench.connect('ada'),
      await bench.connect('bob'),
      await bench.connect('eve'),
    ];
    const order = await bench.logoff(
      { all: true },
      {
        graceMs: LAST_MS + 1_500,
        holdMs: 2 * LONG_MS,
        extend: { maxCount: 1, maxTotalMs: LONG_MS },
      },
    );
    await ada.does('order:extend', { orderId: order.id, ms: LONG_MS });
    await bob.does('order:ack', { orderId: order.id, state: 'saving' });
    await waitUntil(async () => (await reminders(order.id)).length === 1, 'the reminder');
    const told = async (client: TestClient): Promise<number> => {
      const version = Number((await reminders(order.id))[0]?.details?.['version']);
      return (await client.saw('warning', (warning) => warning.version === version)).deadlineMs;
    };
    expect(await told(ada)).to.be.within(LONG_MS + LAST_MS - LATE_MS, LONG_MS + LAST_MS + 100);
    expect(await told(bob)).to.be.within(2 * LONG_MS - LATE_MS, 2 * LONG_MS + 100);
    expect(await told(eve)).to.be.at.most(LAST_MS + 100);
    await bench.cancel(order);
  });

  it('[O17] that were missed are not made up for: the latest mark alone counts', async () => {
    const ada = await bench.connect('ada');
    const order = await bench.warn(sessionsOf(ada), { graceMs: LONG_MS * 6 });
    // As if nobody had swept until 100 s before the deadline.
    const key = bench.key(`order:${order.id}`);
    const deadlineAt = Date.now() + 100_000;
    await bench.redis.hSet(key, 'deadlineAt', String(deadlineAt));
    await bench.redis.zAdd(bench.key('due'), { score: 1, value: `o:${order.id}` });
    await waitUntil(async () => (await reminders(order.id)).length > 0, 'the reminder');
    expect((await reminders(order.id)).map(({ details }) => details?.['reminded'])).to.deep.equal([120_000]);
    expect(await bench.redis.zScore(bench.key('due'), `o:${order.id}`)).to.equal(deadlineAt - 60_000);
    await ada.saw('warning', ({ version }) => version === 3);
    await bench.cancel(order);
  });

  it('[O17] [O3] count as delivered when they are the first that arrived', async () => {
    const ada = await bench.connect('ada', { acknowledges: false });
    const order = await bench.warn(sessionsOf(ada), { graceMs: LAST_MS + SOON_MS });
    await ada.saw('warning');
    expect((await bench.get(order)).counts.delivered).to.equal(0);
    ada.acknowledges = true;
    const { deliveredAt } = await bench.receiptWhen(
      order,
      ada,
      (receipt) => receipt.deliveredAt !== undefined,
    );
    const [record] = await reminders(order.id);
    expect(deliveredAt).to.be.at.least(record?.at ?? Number.NaN);
    expect((await bench.get(order)).counts.delivered).to.equal(1);
    await bench.cancel(order);
  });

  it('[O17] end with the order: who is let go hears of it no more', async () => {
    const ada = await bench.connect('ada');
    const order = await bench.logoff({ all: true }, { graceMs: LAST_MS + SOON_MS });
    await bench.cancel(order);
    await ada.saw('warning:cancelled');
    expect(await bench.redis.zScore(bench.key('due'), `o:${order.id}`)).to.equal(null);
    const idle = await bench.logoff(sessionsOf(ada), { graceMs: 900 });
    expect((await bench.end(ada)).orderId).to.equal(idle.id);
    expect(await reminders(order.id)).to.deep.equal([]);
    expect(await reminders(idle.id), 'no mark is below the grace').to.deep.equal([]);
  });
});
