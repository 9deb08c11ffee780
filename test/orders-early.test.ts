import { expect } from 'chai';
import { useOrders } from './support/orders.js';
import { waitUntil } from './support/wait.js';

describe('an order that is heard of before the answer to an opening', () => {
  const bench = useOrders();

  it('[S1] [O3] reaches whom that opening was for', async () => {
    const { sessions, bus } = bench.broker.core;
    const open = sessions.open.bind(sessions);
    // The answer to the opening comes behind news that the node has heard on its other connection to Redis.
    sessions.open = async (...args) => {
      const opened = await open(...args);
      await bench.warn({ all: true });
      const { tenant, epoch, rev } = opened.attachment;
      await waitUntil(() => (bus.since(tenant, epoch, rev) ?? []).length > 0, 'the news');
      return opened;
    };
    try {
      const ada = await bench.connect('ada');
      const { orderId } = await ada.saw('warning');
      expect(ada.all('warning')).to.have.length(1);
      expect(ada.welcome.orders).to.deep.equal([]);
      const [order] = (await bench.broker.core.orders.list(bench.tenant, {}, { limit: 1 })).items;
      expect(order?.id).to.equal(orderId);
    } finally {
      sessions.open = open;
    }
  });
});
