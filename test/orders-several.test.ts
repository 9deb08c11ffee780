import type { Order } from '@lastcall/shared';
import { expect } from 'chai';
import type { TestClient } from './support/broker.js';
import { LONG_MS, sessionsOf, useOrders } from './support/orders.js';

/** Time enough to say something before it is over, also on a slow machine. */
const SOON_MS = 600;

describe('several orders over one session', () => {
  const bench = useOrders();

  /** A client whose order will not come by itself. */
  async function warned(more: Parameters<typeof bench.logoff>[1] = {}): Promise<[TestClient, Order]> {
    const ada = await bench.connect('ada');
    const order = await bench.logoff(sessionsOf(ada), more);
    await ada.saw('warning');
    return [ada, order];
  }

  const ack = (client: TestClient, { id }: Order, state: 'seen' | 'saving' | 'saved') =>
    client.does('order:ack', { orderId: id, state });

  it('[O13] the earliest ends the session; under the others it had ended before', async () => {
    const [ada, later] = await warned();
    const first = await bench.logoff(sessionsOf(ada), { graceMs: SOON_MS, reason: 'maintenance' });
    expect((await bench.session(ada)).warned).to.deep.equal({
      orderId: first.id,
      deadlineAt: first.deadlineAt,
    });
    expect(await bench.end(ada)).to.include({ orderId: first.id, reason: 'maintenance' });
    expect((await bench.until(first, 'done')).counts).to.include({ verified: 1 });
    expect((await bench.receipt(first, ada)).outcome).to.equal('forced');
    await bench.until(later, 'done');
    expect((await bench.receipt(later, ada)).outcome).to.equal('gone');
  });

  it('[O13] [O8] the next one rules when the earliest is cancelled', async () => {
    const [ada, later] = await warned({ graceMs: 1_200 });
    const first = await bench.logoff(sessionsOf(ada), { graceMs: SOON_MS });
    await bench.cancel(first);
    expect((await bench.session(ada)).warned).to.deep.equal({
      orderId: later.id,
      deadlineAt: later.deadlineAt,
    });
    const end = await bench.end(ada);
    expect(end.orderId).to.equal(later.id);
    expect(end.at).to.be.at.least(later.deadlineAt);
  });

  it('[O13] [O6] a hold under the earliest lets a later one come first', async () => {
    const [ada, first] = await warned({ graceMs: SOON_MS, holdMs: LONG_MS });
    const second = await bench.logoff(sessionsOf(ada), { graceMs: 900 });
    await ack(ada, first, 'saving');
    const end = await bench.end(ada);
    expect(end.orderId).to.equal(second.id);
    expect(end.at).to.be.at.least(second.deadlineAt);
  });

  it('[O13] [S11] a save that is under way ends with the order it was for', async () => {
    const [ada, first] = await warned({ holdMs: LONG_MS });
    const second = await bench.logoff(sessionsOf(ada), { holdMs: LONG_MS });
    await ack(ada, first, 'saving');
    expect((await bench.session(ada)).state).to.equal('saving');
    await bench.cancel(first);
    expect((await bench.session(ada)).state).to.equal('warned');
    await bench.cancel(second);
    expect((await bench.session(ada)).state).to.equal('active');
  });

  it('[O13] a warning does not hide a logoff', async () => {
    const [ada, order] = await warned();
    await bench.warn({ all: true }, { graceMs: 1 });
    expect((await bench.session(ada)).warned?.orderId).to.equal(order.id);
  });
});
