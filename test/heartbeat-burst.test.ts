import { expect } from 'chai';
import { freshTenant, TestBroker } from './support/broker.js';

describe('HEARTBEAT_BURST', () => {
  let broker: TestBroker;

  before(async () => {
    broker = await TestBroker.start({ env: { HEARTBEAT_BURST: '10' } });
  });
  after(() => broker.close());

  it('is how many heartbeats of a socket are taken in 10 s; the next is told when to come again [I5]', async () => {
    const client = await broker.connect(freshTenant(), 'ada');
    client.answersBeats = false;
    for (let n = 0; n < 10; n += 1) {
      expect(await client.heartbeat()).to.include({ ok: true });
    }
    const error = await client.refused('heartbeat', { idleMs: 0 });
    expect(error).to.include({ code: 'rate_limited' });
    expect(error.retryAfterMs).to.be.within(1, 10_000);
  });
});
