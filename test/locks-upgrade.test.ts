import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import {
  giveBack,
  grantOf,
  queue,
  refusal,
  SHARED,
  type Three,
  TREE,
  take,
  useThree,
  waitersOf,
} from './support/locks.js';
import { waitUntil } from './support/wait.js';

describe('upgrades, many locks at once, and a delay', () => {
  const place = useThree();
  let { tenant, ada, grace, linus } = {} as Three;

  beforeEach(async () => {
    ({ tenant, ada, grace, linus } = await place.begin());
  });

  it('[L16] makes a shared lock exclusive, with a new fence', async () => {
    const lock = await take(ada, 'books/1', SHARED);
    const request = { resource: 'books/1', fence: lock.fence, requestId: randomUUID() };
    const answer = await ada.does('lock:upgrade', request);
    if (answer.state !== 'granted') throw new Error('it was queued');
    expect(answer.lock).to.include({ mode: 'exclusive', scope: 'record' });
    expect(answer.lock.fence).to.be.greaterThan(lock.fence);
    expect(await ada.does('lock:upgrade', request), 'asked again').to.deep.equal(answer);
    const old = { resource: 'books/1', fence: lock.fence };
    expect((await ada.does('lock:check', old)).valid).to.equal(false);
    expect((await ada.does('lock:release', old)).released).to.equal(false);
    expect((await refusal(grace, 'books/1', SHARED)).code).to.equal('locked');
    await giveBack(ada, answer.lock);
    expect((await ada.refused('lock:upgrade', { ...request, requestId: randomUUID() })).code).to.equal(
      'not_held',
    );
    await take(grace, 'books', TREE);
  });

  it('[L16] an upgrade goes ahead of the queue; of two at once the second is a deadlock', async () => {
    const mine = await take(ada, 'books/1', SHARED);
    const hers = await take(grace, 'books/1', SHARED);
    const writer = await queue(linus, 'books/1');
    const requestId = randomUUID();
    const wish = { resource: 'books/1', waitMs: 60_000 };
    const answer = await ada.does('lock:upgrade', { ...wish, fence: mine.fence, requestId });
    expect(answer).to.include({ state: 'queued', position: 1 });
    const error = await grace.refused('lock:upgrade', {
      ...wish,
      fence: hers.fence,
      requestId: randomUUID(),
    });
    expect(error.code).to.equal('deadlock');
    expect(error.cycle?.map(({ user, resource }) => [user.id, resource])).to.deep.equal([
      ['grace', 'books/1'],
      ['ada', 'books/1'],
    ]);
    await giveBack(grace, hers);
    const lock = await grantOf(ada, requestId);
    expect(lock.mode).to.equal('exclusive');
    expect(linus.all('lock:granted')).to.deep.equal([]);
    await giveBack(ada, lock);
    await grantOf(linus, writer);
  });

  it('[L16] H10 an upgrade that is given back is the shared lock again; without its lock it comes to nothing', async () => {
    const mine = await take(ada, 'books/1', SHARED);
    const hers = await take(grace, 'books/1', SHARED);
    const [first, second] = [randomUUID(), randomUUID()];
    await ada.does('lock:upgrade', {
      resource: 'books/1',
      fence: mine.fence,
      waitMs: 60_000,
      requestId: first,
    });
    await giveBack(grace, hers);
    const upgraded = await grantOf(ada, first);
    await ada.does('lock:cancel', { requestId: first });
    await take(grace, 'books/1', SHARED);
    const [lock] = await place.broker.core.locks.heldBy(tenant, ada.sessionId);
    expect(lock).to.include({ mode: 'shared' });
    expect(lock?.fence).to.be.greaterThan(upgraded.fence);
    const again = { resource: 'books/1', fence: lock?.fence ?? 0, waitMs: 60_000, requestId: second };
    await ada.does('lock:upgrade', again);
    await giveBack(ada, lock as never);
    expect((await ada.saw('lock:denied', (push) => push.requestId === second)).error.code).to.equal(
      'not_held',
    );
    expect(await waitersOf(ada, 'books/1')).to.deep.equal([]);
  });

  it('[L16] [L18] [L26] who upgrades and takes over has both when the others are gone', async () => {
    await place.broker.policy(tenant, { takeoverMs: 600_000 });
    const mine = await take(ada, 'books/1', SHARED);
    const hers = await take(grace, 'books/1', SHARED);
    const [upgrade, takeover] = [randomUUID(), randomUUID()];
    const wish = { resource: 'books/1', fence: mine.fence, waitMs: 300_000 };
    await ada.does('lock:upgrade', { ...wish, requestId: upgrade });
    await ada.does('lock:takeover', { resource: 'books/1', requestId: takeover });
    await giveBack(grace, hers);
    const upgraded = await grantOf(ada, upgrade);
    const lock = await grantOf(ada, takeover);
    expect(lock.fence).to.be.greaterThan(upgraded.fence);
    expect(await waitersOf(ada, 'books/1')).to.deep.equal([]);
    await giveBack(ada, lock);
    await take(grace, 'books/1');
  });

  it('[L17] [L5] asks for many at once: all, or none', async () => {
    const requestId = randomUUID();
    const resources = [{ resource: 'a/1' }, { resource: 'b', ...TREE }, { resource: 'c/1', ...SHARED }];
    await take(grace, 'b/1/2');
    const error = await ada.refused('lock:acquireMany', { resources, requestId });
    expect(error.code).to.equal('locked');
    expect(error.blockers?.map(({ resource }) => resource)).to.deep.equal(['b/1/2']);
    expect(await place.broker.core.locks.heldBy(tenant, ada.sessionId)).to.deep.equal([]);
    await grace.does('session:end', {});
    const { locks } = await ada.does('lock:acquireMany', { resources, requestId });
    expect(locks.map(({ resource, mode, scope }) => [resource, mode, scope])).to.deep.equal([
      ['a/1', 'exclusive', 'record'],
      ['b', 'exclusive', 'tree'],
      ['c/1', 'shared', 'record'],
    ]);
    expect((await ada.does('lock:acquireMany', { resources, requestId })).locks).to.deep.equal(locks);
    await giveBack(ada, locks[1] as never);
    const over = await ada.refused('lock:acquireMany', { resources, requestId });
    expect(over).to.include({ code: 'conflict', outcome: 'released' });
    const twice = [{ resource: 'a/1' }, { resource: 'a/1', ...SHARED }];
    const invalid = await ada.refused('lock:acquireMany', { resources: twice, requestId: randomUUID() });
    expect(invalid.code).to.equal('invalid');
  });

  it('[L12] [L17] the limit of locks counts all of them', async () => {
    await place.broker.policy(tenant, { maxLocksPerSession: 3 });
    await take(ada, 'a/1');
    const resources = ['a/2', 'a/3', 'a/4'].map((resource) => ({ resource }));
    const error = await ada.refused('lock:acquireMany', { resources, requestId: randomUUID() });
    expect(error.code).to.equal('lock_limit');
    await ada.does('lock:acquireMany', { resources: resources.slice(1), requestId: randomUUID() });
  });

  it('[L22] a lock whose lease ran out is to be had again after lockDelayMs', async () => {
    await place.broker.policy(tenant, { beatMs: 1_000, leaseMs: 3_000, lockDelayMs: 1_500 });
    const silent = await place.broker.connect(tenant, 'silent', { answersBeats: false });
    await take(silent, 'books/1', TREE);
    const waiting = await queue(grace, 'books/1/2');
    const ended = async () => (await place.broker.core.sessions.get(tenant, silent.sessionId)).ended;
    await waitUntil(async () => (await ended()) !== undefined, 'the lease to run out', 15_000);
    const { endedAt = 0 } = (await ended()) ?? {};
    const [holder] = (await grace.does('lock:query', { resource: 'books/1' })).holders;
    expect(holder).to.include({ state: 'ended', takeable: 'no' });
    const lock = await grantOf(grace, waiting);
    expect(lock.grantedAt - endedAt).to.be.at.least(1_500);
    expect(await place.broker.core.locks.count(tenant)).to.equal(1);
  }).timeout(25_000);
});
