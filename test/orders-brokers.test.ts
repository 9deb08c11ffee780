import type { Order } from '@lastcall/shared';
import { expect } from 'chai';
import { TestClient } from './support/broker.js';
import { ApiClient } from './support/http.js';
import { LATE_MS, useOrders } from './support/orders.js';
import { BrokerProcess } from './support/process.js';
import { testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const GRACE_MS = 1_000;
/** More than are found in the step that is taken before the order is answered. */
const MANY = 120;

describe('orders of a broker that dies', function () {
  this.timeout(30_000);
  const bench = useOrders();
  let issuer: BrokerProcess;

  before(async () => {
    issuer = await BrokerProcess.start({ redisUrl: (await testStore()).url });
  });
  after(() => issuer?.remove());

  it('[P3] [O5] [O11] are carried out by the others: all found, all warned, all ended at the deadline, once', async () => {
    const { tenant } = bench;
    const ada = await bench.connect('ada');
    const there = new TestClient(issuer.url, { token: await issuer.token(tenant, 'grace') });
    await there.opened();
    await bench.open(MANY);
    const api = new ApiClient(issuer.url, await issuer.token(tenant, 'root', ['admin']));
    const body = {
      action: 'logoff',
      target: { all: true },
      message: 'Good night.',
      reason: 'maintenance',
      graceMs: GRACE_MS,
      holdMs: 0,
    };
    const order = await api.does<Order>('orders.create', { params: { tenant }, body });
    await issuer.kill();

    await ada.saw('warning', ({ orderId }) => orderId === order.id);
    await ada.saw('logoff', ({ orderId }) => orderId === order.id, 10_000);
    await waitUntil(
      async () => (await bench.get(order)).counts.ended === MANY + 2,
      'all to be ended',
      10_000,
    );
    expect((await bench.get(order)).counts.targeted).to.equal(MANY + 2);
    for (const { at, orderId } of await bench.records('session.ended')) {
      expect(orderId).to.equal(order.id);
      expect(at - order.deadlineAt).to.be.within(0, LATE_MS);
    }
    // Whose broker died is told by the next one.
    const { error } = await bench.connect('grace', { auth: { resume: there.resume } });
    expect(error?.ended).to.include({ reason: 'maintenance', message: 'Good night.', orderId: order.id });
  });
});
