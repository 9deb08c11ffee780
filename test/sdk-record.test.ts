import type { LastcallClient, LockHolder } from '@lastcall/client';
import { RecordLock, type RecordView } from '@lastcall/client/view';
import { expect } from 'chai';
import { lockOn, until, wireError } from './support/fake-broker.js';
import { RESOURCE, rejection, SdkBench, settled } from './support/sdk.js';

const BOB = { kind: 'user', id: 'bob', name: 'Bob' } as const;

const holderOf = (sessionId: string, resource = RESOURCE) =>
  ({ resource, sessionId, user: { id: sessionId, name: sessionId }, mode: 'exclusive' }) as LockHolder;

describe('SDK: the view of a record', () => {
  let bench: SdkBench;
  let client: LastcallClient;
  let record: RecordLock;
  /** Phases in their order, as a subscriber was told of them. */
  let phases: string[];
  beforeEach(async () => {
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
    client = await bench.connected();
    record = new RecordLock(client, RESOURCE);
    phases = [];
  });
  afterEach(() => bench.stop());

  function follow(): () => void {
    return record.subscribe(() => {
      const { phase } = record.getView();
      if (phases.at(-1) !== phase) phases.push(phase);
    });
  }
  const locked = (...holders: readonly LockHolder[]): void => {
    bench.broker.push('lock:changed', { resource: RESOURCE, holders, waiters: [] });
  };
  const is = (phase: RecordView['phase']) => until(() => record.getView().phase === phase);

  it('[E1] says who else has it, and is the same object until something changes', async () => {
    expect(record.getView()).to.include({ phase: 'unknown', live: false });
    follow();
    await is('free');
    const free = record.getView();
    bench.broker.push('lock:changed', { resource: 'invoices/70', holders: [holderOf('bob')], waiters: [] });
    await client.query(RESOURCE);
    client.setDirty(true);
    expect(record.getView()).to.equal(free);
    locked(holderOf('bob'));
    await is('taken');
    expect(record.getView().holders.map(({ user }) => user.name)).to.deep.equal(['bob']);
    locked(holderOf('session-1'));
    await is('free');
    expect(phases).to.deep.equal(['free', 'taken', 'free']);
  });

  it('[E1] watches while it has subscribers, and again for the next', async () => {
    const ends = [follow(), follow()];
    await is('free');
    ends[0]?.();
    ends[0]?.();
    await client.query(RESOURCE);
    expect(bench.broker.said('lock:unwatch')).to.deep.equal([]);
    ends[1]?.();
    await until(() => bench.broker.said('lock:unwatch').length === 1);
    expect(record.getView().phase).to.equal('unknown');
    follow();
    await is('free');
    expect(bench.broker.said('lock:watch')).to.have.length(2);
  });

  it('[E1] waits in the queue, has the lock, and gives it back', async () => {
    follow();
    await is('free');
    const granted = record.lock({ waitMs: 60_000 });
    await is('waiting');
    expect(record.remainingMs()).to.equal(60_000);
    const { waiting } = record.getView();
    bench.broker.push('lock:granted', { requestId: waiting?.requestId, lock: lockOn(RESOURCE, 8) });
    const handle = await granted;
    expect(record.getView()).to.include({ phase: 'held', handle, waiting: undefined });
    await record.release();
    expect(handle.state).to.equal('released');
    expect(phases).to.deep.equal(['free', 'asking', 'waiting', 'held', 'free']);
  });

  it('[E1] has one question at a time, and withdraws it', async () => {
    follow();
    const first = rejection(record.lock({ waitMs: 60_000 }));
    await is('waiting');
    const second = rejection(record.takeover());
    expect(await first).to.have.property('name', 'AbortError');
    await is('asked');
    expect(record.remainingMs()).to.equal(30_000);
    record.cancel();
    expect(await second).to.have.property('name', 'AbortError');
    await is('free');
    expect(record.getView().error).to.equal(undefined);
    const over = new AbortController();
    const third = rejection(record.lock({ waitMs: 60_000, signal: over.signal }));
    over.abort(new Error('The page is left'));
    expect(await third).to.have.property('message', 'The page is left');
    await until(() => bench.broker.said('lock:cancel').length === 2);
  });

  it('[E1] gives back what is granted in the moment in which it is given up', async () => {
    bench.grants();
    record.subscribe(() => {
      if (record.getView().phase === 'held') void record.release();
    });
    expect(await rejection(record.lock())).to.have.property('name', 'AbortError');
    await until(() => bench.broker.said('lock:release').length === 1);
    expect(record.getView().handle).to.equal(undefined);
    expect(client.getSnapshot().locks).to.deep.equal([]);
  });

  it('[E1] says why it was refused, by whom also above the record', async () => {
    follow();
    await is('free');
    const blockers = [holderOf('bob', 'invoices')];
    bench.broker.answer('lock:acquire', () => wireError('locked', { blockers }));
    expect(await rejection(record.lock())).to.include({ code: 'locked' });
    expect(record.getView()).to.include({ phase: 'taken' });
    expect(record.getView().error?.code).to.equal('locked');
    expect(record.getView().holders).to.deep.equal(blockers);
    bench.grants();
    await record.lock();
    expect(record.getView()).to.include({ phase: 'held', error: undefined });
  });

  it('[E1] is asked for the lock, keeps it, hands it over, and has lost it until it is released', async () => {
    follow();
    bench.grants();
    await record.lock();
    const request = (requestId: string) =>
      bench.broker.push('lock:requested', { requestId, resource: RESOURCE, by: BOB, deadlineMs: 30_000 });
    request('one');
    await until(() => record.getView().request?.by.name === 'Bob');
    expect(record.remainingMs()).to.equal(30_000);
    await record.keep();
    expect(record.getView().request).to.equal(undefined);
    expect(await rejection(record.keep())).to.include({ code: 'not_found' });
    request('two');
    await until(() => record.getView().request !== undefined);
    expect(await record.yield()).to.include({ saved: true });
    expect(bench.broker.said('lock:answer').map(({ answer }) => answer)).to.deep.equal(['keep', 'yield']);
    bench.broker.push('lock:lost', { resource: RESOURCE, fence: 7, reason: 'takeover', by: BOB });
    await is('lost');
    expect(record.getView().lost).to.include({ reason: 'takeover' });
    await record.release();
    expect(record.getView()).to.include({ phase: 'free', lost: undefined });
  });

  it('[E1] follows a lock that was got elsewhere on the page, and what becomes of the connection', async () => {
    follow();
    const handle = await bench.held(client);
    await is('held');
    expect(record.getView().handle).to.equal(undefined);
    await handle.release();
    await is('free');
    bench.broker.cut();
    await until(() => !record.getView().live);
    expect(record.getView().phase).to.equal('unknown');
    await settled();
  });

  it('[E1] says that it cannot be watched', () => {
    record = new RecordLock(client, 'not a resource');
    follow();
    expect(record.getView().error?.code).to.equal('invalid');
  });
});
