import { createClient } from '@lastcall/client/core';
import { expect } from 'chai';
import { FakeBroker, lockOn, logoffWarning, until } from './support/fake-broker.js';

describe('SDK: a client without locks', () => {
  let broker: FakeBroker;
  beforeEach(async () => {
    broker = await FakeBroker.start();
  });
  afterEach(() => broker.stop());

  it('[K15] holds a session, warns and saves', async () => {
    const client = createClient({ url: broker.url, token: 'token' });
    const saved: string[] = [];
    client.onSave(({ cause }) => saved.push(cause));
    await client.connect();
    broker.beat();
    await until(() => broker.said('heartbeat').length === 1);
    await broker.pushAcknowledged('warning', logoffWarning());
    expect(client.remainingMs('order-1')).to.be.within(1, 60_000);
    expect((await client.saveAndEnd()).saved).to.equal(true);
    expect(saved).to.deep.equal(['asked']);
    expect(broker.said('order:ack').map(({ state }) => state)).to.deep.equal(['saving', 'saved']);
    client.close();
  });

  it('[K15] gives back what the page before it has locked or waits for, and what it is granted late', async () => {
    broker.welcome = {
      locks: [lockOn('invoices/7', 7)],
      waiting: [{ requestId: 'wait-1', resource: 'invoices/8', position: 1 }],
    };
    const client = createClient({ url: broker.url, token: 'token' });
    await client.connect();
    broker.push('lock:granted', { requestId: 'wait-1', lock: lockOn('invoices/8', 8) });
    await until(() => broker.said('lock:release').length === 2);
    expect(broker.said('lock:release')).to.deep.equal([
      { resource: 'invoices/7', fence: 7 },
      { resource: 'invoices/8', fence: 8 },
    ]);
    expect(broker.said('lock:cancel')).to.deep.equal([{ requestId: 'wait-1' }]);
    client.close();
  });
});
