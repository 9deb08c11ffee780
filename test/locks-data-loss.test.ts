import { expect } from 'chai';
import { freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { isValid, queue, take } from './support/locks.js';
import { type Observer, observer, testStore } from './support/redis.js';

/** How far ahead fences are of the clock that comes after the loss, in microseconds: an hour. */
const AHEAD_US = 3_600_000_000;

describe('locks after a loss of data', () => {
  let broker: TestBroker;
  let redis: Observer;
  let tenant: string;
  let ada: TestClient;

  before(async () => {
    broker = await TestBroker.start();
    redis = await observer((await testStore()).url);
  });
  after(async () => {
    redis.destroy();
    await broker.close();
  });
  beforeEach(async () => {
    tenant = freshTenant();
    ada = await broker.connect(tenant, 'ada');
    // As after a fail-over to a machine whose clock is behind: its microseconds are fewer than the fences given out.
    await redis.set(`lc:{${tenant}}:fence`, String(Date.now() * 1_000 + AHEAD_US));
  });

  const keys = () => redis.keys(`lc:{${tenant}}:*`);

  /** Keeps the tenant's data; the answer brings it back as it was. */
  async function backUp(): Promise<() => Promise<void>> {
    const raw = redis.withTypeMapping({ 36: Buffer });
    const kept = await Promise.all(
      (await keys()).map(async (key) => [key, await raw.dump(key), await redis.pTTL(key)] as const),
    );
    return async () => {
      // In one step: the sweep looks all the time.
      const all = redis.multi().del(await keys());
      for (const [key, data, ttl] of kept) all.restore(key, Math.max(0, ttl), data);
      await all.exec();
    };
  }

  it('[L21] [P2] H05 after all was lost fences go on, and holders are told', async () => {
    const lock = await take(ada, 'books/1');
    const grace = await broker.connect(tenant, 'grace');
    const waiting = await queue(grace, 'books/1');
    await redis.del(await keys());
    await Promise.all([ada.heartbeat(), grace.heartbeat()]);
    const denied = await grace.saw('lock:denied', ({ requestId }) => requestId === waiting);
    expect(denied.error.code).to.equal('unavailable');
    expect(await ada.saw('lock:lost')).to.deep.equal({
      resource: 'books/1',
      fence: lock.fence,
      reason: 'data_loss',
    });
    const order = ada.pushes.map(({ event }) => event);
    expect(order.lastIndexOf('welcome'), 'before the new welcome').to.be.greaterThan(
      order.indexOf('lock:lost'),
    );
    expect(await isValid(ada, lock)).to.equal(false);
    const again = await take(ada, 'books/1');
    expect(again.fence).to.be.greaterThan(lock.fence);
  });

  it('[L21] [P2] H03 after a part was lost fences go on, and holders are told of that part alone', async () => {
    const kept = await take(ada, 'books/1');
    const restore = await backUp();
    const lost = await take(ada, 'books/2');
    const grace = await broker.connect(tenant, 'grace');
    await take(grace, 'books/3');
    const waiting = await queue(ada, 'books/3');
    await restore();
    expect(await ada.saw('lock:lost', () => true, 10_000)).to.deep.equal({
      resource: 'books/2',
      fence: lost.fence,
      reason: 'data_loss',
    });
    expect(ada.all('lock:lost')).to.have.length(1);
    const denied = await ada.saw('lock:denied', ({ requestId }) => requestId === waiting);
    expect(denied.error.code).to.equal('unavailable');
    expect(await isValid(ada, kept)).to.equal(true);
    const linus = await broker.connect(tenant, 'linus');
    expect((await take(linus, 'books/2')).fence).to.be.greaterThan(lost.fence);
  });

  it('[L21] [P2] H03 a lock whose return was lost is granted anew: no fence is given out twice or goes back', async () => {
    const first = await take(ada, 'books/1');
    const restore = await backUp();
    await ada.does('lock:release', { resource: 'books/1', fence: first.fence });
    const second = await take(ada, 'books/1');
    await ada.does('lock:release', { resource: 'books/1', fence: second.fence });
    await restore();
    const third = await take(ada, 'books/1');
    expect(third.fence).to.be.greaterThan(second.fence);
    expect(await isValid(ada, first)).to.equal(false);
    expect(await isValid(ada, third)).to.equal(true);
    expect((await take(ada, 'books/1')).fence, 'once').to.equal(third.fence);
  });
});
