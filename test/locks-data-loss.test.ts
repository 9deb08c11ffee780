import { randomUUID } from 'node:crypto';
import type { AuditRecord } from '@lastcall/shared';
import { expect } from 'chai';
import { connectRedis } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { backedUp } from './support/backup.js';
import { type TestClient } from './support/broker.js';
import { historyOf } from './support/history.js';
import { isValid, queue, take, takeOver } from './support/locks.js';
import { Observed, observing } from './support/observed.js';
import { testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

/** How far ahead fences are of the clock that comes after the loss, in microseconds: an hour. */
const AHEAD_US = 3_600_000_000;

describe('locks after a loss of data', () => {
  const bench = observing(new Observed());
  let ada: TestClient;

  beforeEach(async () => {
    ada = await bench.broker.connect(bench.tenant, 'ada');
    // As after a fail-over to a machine whose clock is behind: its microseconds are fewer than the fences given out.
    await bench.redis.set(`lc:{${bench.tenant}}:fence`, String(Date.now() * 1_000 + AHEAD_US));
  });

  const keys = () => bench.redis.keys(`lc:{${bench.tenant}}:*`);

  const lastRecord = async () => (await historyOf(bench.broker.core, bench.tenant)).at(-1) as AuditRecord;

  const backUp = () => backedUp(bench.redis, bench.broker.core, bench.tenant);

  it('[L21] [P2] H05 after all was lost fences go on, and holders are told', async () => {
    const lock = await take(ada, 'books/1');
    const grace = await bench.broker.connect(bench.tenant, 'grace');
    const waiting = await queue(grace, 'books/1');
    await bench.redis.del(await keys());
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
    const grace = await bench.broker.connect(bench.tenant, 'grace');
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
    const linus = await bench.broker.connect(bench.tenant, 'linus');
    expect((await take(linus, 'books/2')).fence).to.be.greaterThan(lost.fence);
  });

  it('[A2] [L21] H03 also when new records have passed those that are lost before anybody looked', async () => {
    await take(ada, 'books/1');
    const restore = await backUp();
    const lost = await take(ada, 'books/2');
    const { rev } = await lastRecord();
    await waitUntil(
      () => bench.broker.core.bus.position(bench.tenant).rev === rev,
      'the record of the grant',
    );
    await restore(5);
    expect(await ada.saw('lock:lost', () => true, 10_000)).to.deep.equal({
      resource: 'books/2',
      fence: lost.fence,
      reason: 'data_loss',
    });
    const { epoch, details } = await lastRecord();
    expect(details).to.deep.equal({ lost: { from: rev, to: rev } });
    expect(bench.broker.core.bus.position(bench.tenant).epoch).to.equal(epoch);
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

  for (const event of ['lock:acquire', 'lock:acquireMany', 'lock:takeover'] as const) {
    it(`[L4] [L13] cancelling what asked by ${event} for a lock that was granted anew leaves it exclusive`, async () => {
      const first = await take(ada, 'books/1');
      const restore = await backUp();
      await ada.does('lock:release', { resource: 'books/1', fence: first.fence });
      await take(ada, 'books/2');
      await restore();
      const requestId = randomUUID();
      const wish =
        event === 'lock:acquireMany' ? { resources: [{ resource: 'books/1' }] } : { resource: 'books/1' };
      await ada.does(event, { ...wish, requestId });
      await ada.does('lock:cancel', { requestId });
      const { holders } = await ada.does('lock:query', { resource: 'books/1' });
      expect(holders.map(({ mode }) => mode)).to.deep.equal(['exclusive']);
    });
  }

  it('[L21] H03 a lock whose return was lost is given back again, and no other', async () => {
    const kept = await take(ada, 'books/1');
    const first = await take(ada, 'books/2');
    const restore = await backUp();
    await ada.does('lock:release', { resource: 'books/2', fence: first.fence });
    await restore();
    const held = async () => (await bench.broker.core.locks.keptBy(bench.tenant, ada.sessionId)).locks;
    await waitUntil(async () => (await held()).length === 1, 'the lock to be free', 10_000);
    expect(await isValid(ada, kept)).to.equal(true);
    expect(ada.all('lock:lost')).to.deep.equal([]);
  });

  it('[L21] H03 whose grant was lost is told of it, also when it is granted anew before anybody looked', async () => {
    const first = await take(ada, 'books/1');
    const grace = await bench.broker.connect(bench.tenant, 'grace');
    await queue(grace, 'books/1');
    const restore = await backUp();
    const release = () => ada.does('lock:release', { resource: 'books/1', fence: first.fence });
    await release();
    const { lock } = await grace.saw('lock:granted');
    let isLost = false;
    const stop = bench.broker.core.bus.listen((of, { details }) => {
      isLost ||= of === bench.tenant && details?.['lost'] !== undefined;
    });
    await restore();
    await waitUntil(() => isLost, 'the loss to be noticed');
    stop();
    await release();
    const lost = { resource: 'books/1', fence: lock.fence, reason: 'data_loss' };
    expect(await grace.saw('lock:lost')).to.deep.equal(lost);
    const again = await grace.saw('lock:granted', ({ lock: { fence } }) => fence > lock.fence);
    expect(await isValid(grace, again.lock)).to.equal(true);
    expect(grace.all('lock:lost')).to.deep.equal([lost]);
  });

  it('[L21] [L3] H03 what is granted from the queue before the loss is noticed, under numbers of before, is told', async () => {
    const lock = await take(ada, 'books/1');
    const bob = await bench.broker.connect(bench.tenant, 'bob');
    const requestId = await queue(bob, 'books/1');
    const restore = await backUp();
    for (let i = 0; i < 5; i += 1) {
      const { fence } = await take(ada, 'books/2');
      await ada.does('lock:release', { resource: 'books/2', fence });
    }
    await restore();
    await ada.does('lock:release', { resource: 'books/1', fence: lock.fence });
    const granted = await bob.saw('lock:granted');
    expect(granted).to.deep.include({ requestId });
    expect(await isValid(bob, granted.lock)).to.equal(true);
    expect(bob.all('lock:denied')).to.deep.equal([]);
  });

  it('[L21] [L3] H03 … also when it had been granted before, in what is lost', async () => {
    const lock = await take(ada, 'books/1');
    const bob = await bench.broker.connect(bench.tenant, 'bob');
    const requestId = await queue(bob, 'books/1');
    const restore = await backUp();
    const release = () => ada.does('lock:release', { resource: 'books/1', fence: lock.fence });
    await release();
    const first = await bob.saw('lock:granted');
    await take(ada, 'books/2');
    // As when Redis had been out of reach: what is drawn from here on is not what was lost.
    const { bus } = bench.broker.core;
    const fenceBefore = bus.fenceBefore.bind(bus);
    bus.fenceBefore = () => first.lock.fence;
    await restore();
    await release();
    const isAgain = ({ lock: { fence } }: { lock: { fence: number } }): boolean => fence > first.lock.fence;
    const again = await bob.saw('lock:granted', isAgain).finally(() => (bus.fenceBefore = fenceBefore));
    expect(again).to.deep.include({ requestId });
    expect(await isValid(bob, again.lock)).to.equal(true);
    const lost = { resource: 'books/1', fence: first.lock.fence, reason: 'data_loss' };
    expect(bob.all('lock:lost')).to.deep.equal([lost]);
  });

  it('[L21] [P2] what is granted before the node knows that it opened the session anew is not called lost', async () => {
    const old = await take(ada, 'books/1');
    const { sessions } = bench.broker.core;
    const reopen = sessions.reopen.bind(sessions);
    let fresh = old;
    const heard = new Set<number>();
    const stop = bench.broker.core.bus.listen((_of, { fence = 0 }) => heard.add(fence));
    // The client is quicker than the answer to the opening.
    sessions.reopen = async (attachment) => {
      const welcome = await reopen(attachment);
      fresh = await take(ada, 'books/2');
      await waitUntil(() => heard.has(fresh.fence), 'the record of the grant');
      return welcome;
    };
    try {
      await bench.redis.del(await keys());
      await waitUntil(async () => {
        await ada.heartbeat();
        return ada.all('welcome').length > 1;
      }, 'the new welcome');
    } finally {
      sessions.reopen = reopen;
      stop();
    }
    expect(ada.all('lock:lost').map(({ fence }) => fence)).to.deep.equal([old.fence]);
    expect(await isValid(ada, fresh)).to.equal(true);
  });

  /** Grants of others come out of what a holder does, or what is done to it, at once or at an instant. */
  const WAYS: readonly {
    readonly name: string;
    /** Before the loss: what the next holder waits by. */
    readonly wait?: (next: TestClient) => Promise<string>;
    readonly pass: (context: { requestId: string; first: string; fence: number }) => Promise<unknown>;
  }[] = [
    { name: 'a release', pass: ({ fence }) => ada.does('lock:release', { resource: 'books/1', fence }) },
    { name: 'a sign-out', pass: () => ada.does('session:end', {}) },
    {
      name: 'an administrator',
      pass: () =>
        bench.broker.core.locks.break(bench.tenant, 'books/1', 'a test', { kind: 'admin', id: 'root' }),
    },
    {
      name: 'a cancelled request',
      pass: ({ first }) => ada.does('lock:cancel', { requestId: first }),
    },
    {
      name: 'a holder that yields',
      wait: (next) => takeOver(next, 'books/1'),
      pass: ({ requestId }) => ada.does('lock:answer', { requestId, answer: 'yield' }),
    },
    {
      name: "the end of a holder's time",
      wait: (next) => takeOver(next, 'books/1'),
      pass: () => Promise.resolve(),
    },
  ];

  for (const { name, wait = (next: TestClient) => queue(next, 'books/1'), pass } of WAYS) {
    it(`[L21] [P2] H03 the lock that ${name} passes on has no fence of before the loss`, async () => {
      await bench.broker.policy(bench.tenant, { takeoverMs: 1_000 });
      const first = randomUUID();
      const held = await ada.does('lock:acquire', { resource: 'books/1', requestId: first });
      if (held.state !== 'granted') throw new Error('books/1 was not granted');
      const { fence } = held.lock;
      const grace = await bench.broker.connect(bench.tenant, 'grace');
      const linus = await bench.broker.connect(bench.tenant, 'linus');
      const requestId = await wait(grace);
      const restore = await backUp();
      const lost = await take(linus, 'books/2');
      await restore();
      // Before the sweep comes.
      await pass({ requestId, first, fence });
      const isGranted = () => bench.redis.hExists(`lc:{${bench.tenant}}:lock:books/1`, grace.sessionId);
      await waitUntil(async () => (await isGranted()) === 1, 'the next holder');
      const granted = await bench.redis.hGet(`lc:{${bench.tenant}}:held:${grace.sessionId}`, 'books/1');
      expect(Number(granted)).to.be.greaterThan(lost.fence);
    });
  }

  it('[L21] [P2] a node knows the fences of before it heard of the tenant, and those it answered with', async () => {
    const { fence } = await take(ada, 'books/1');
    expect(bench.broker.core.bus.position(bench.tenant).rev).to.be.greaterThan(0);
    const driver = await connectRedis({ url: (await testStore()).url });
    try {
      const late = new Store(driver);
      await late.position(bench.tenant);
      expect(late.fences.of(bench.tenant)).to.equal(fence);
    } finally {
      await driver.close();
    }
  });
});
