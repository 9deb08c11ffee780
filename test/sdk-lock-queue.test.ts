import type { AcquireAnswer } from '@lastcall/shared';
import { expect } from 'chai';
import { lockOn, until, wireError } from './support/fake-broker.js';
import { Gate, queued, RESOURCE, rejection, rejectionInTime, SdkBench, settled } from './support/sdk.js';

describe('SDK: locks, waiting', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  it('shows its place and resolves when the lock is granted', async () => {
    const client = await bench.connected();
    const locked = client.lock(RESOURCE, { waitMs: 60_000 });
    const requestId = await queued(client);
    expect(client.getSnapshot().waiting).to.deep.equal([
      { requestId, resource: RESOURCE, position: 1, blockers: [] },
    ]);
    bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
    expect(await locked).to.include({ fence: 9, state: 'held' });
    expect(client.getSnapshot().waiting).to.deep.equal([]);
  });

  it('takes a grant that comes before the answer to the question', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:acquire', ({ requestId }) => {
      bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
      return { state: 'queued', requestId, position: 1, blockers: [] };
    });
    expect(await client.lock(RESOURCE, { waitMs: 60_000 })).to.include({ fence: 9 });
    await client.query(RESOURCE);
    expect(bench.broker.said('lock:cancel')).to.have.length(0);
  });

  it('rejects when the broker denies it', async () => {
    const client = await bench.connected();
    const locked = rejection(client.lock(RESOURCE, { waitMs: 60_000 }));
    const requestId = await queued(client);
    bench.broker.push('lock:denied', { requestId, error: wireError('locked') });
    expect(await locked).to.include({ code: 'locked' });
    expect(bench.broker.said('lock:cancel')).to.have.length(0);
  });

  it('leaves the queue when it is aborted', async () => {
    const client = await bench.connected();
    const controller = new AbortController();
    const locked = rejection(client.lock(RESOURCE, { waitMs: 60_000, signal: controller.signal }));
    const requestId = await queued(client);
    controller.abort(new Error('closed the editor'));
    expect(await locked)
      .to.be.instanceOf(Error)
      .and.to.include({ message: 'closed the editor' });
    await until(() => bench.broker.said('lock:cancel').length === 1);
    expect(bench.broker.said('lock:cancel')).to.deep.equal([{ requestId }]);
    expect(await rejection(client.lock(RESOURCE, { signal: controller.signal }))).to.include({
      message: 'closed the editor',
    });
  });

  it('gives back what is granted after it was aborted (H10)', async () => {
    const client = await bench.connected();
    const controller = new AbortController();
    const answer = new Gate<AcquireAnswer>();
    bench.broker.answer('lock:acquire', () => answer.opened);
    const locked = rejection(client.lock(RESOURCE, { signal: controller.signal }));
    await until(() => bench.asked().length === 1);
    controller.abort();
    expect(await locked).to.include({ name: 'AbortError' });
    answer.open({ state: 'granted', lock: lockOn(RESOURCE, 11) });
    await until(() => bench.broker.said('lock:release').length === 1);
    expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: RESOURCE, fence: 11 }]);
  });

  it('gives back what is granted to nobody (H10)', async () => {
    await bench.connected();
    bench.broker.push('lock:granted', { requestId: 'forgotten', lock: lockOn(RESOURCE, 12) });
    await until(() => bench.broker.said('lock:release').length === 1);
  });

  it('takes a late answer, and gives it back when nobody waits any more (H10)', async () => {
    const client = await bench.connected();
    const controller = new AbortController();
    const answer = new Gate<AcquireAnswer>();
    bench.broker.answer('lock:acquire', () => answer.opened);
    const locked = rejection(client.lock(RESOURCE, { signal: controller.signal }));
    await until(() => bench.asked().length === 1);
    bench.clock.advance(5_000);
    await settled();
    controller.abort();
    await locked;
    answer.open({ state: 'granted', lock: lockOn(RESOURCE, 13) });
    await until(() => bench.broker.said('lock:release').length === 1);
    expect(bench.broker.said('lock:cancel')).to.have.length(1);
  });

  it('[K5] keeps its place over a reconnection', async () => {
    const client = await bench.connected();
    const locked = client.lock(RESOURCE, { waitMs: 60_000 });
    const requestId = await queued(client);
    bench.broker.welcome = {
      ...bench.broker.welcome,
      waiting: [{ requestId, resource: RESOURCE, position: 4 }],
    };
    await bench.reconnected(client);
    expect(client.getSnapshot().waiting[0]?.position).to.equal(4);
    expect(bench.asked()).to.have.length(1);
    bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
    expect((await locked).fence).to.equal(9);
  });

  it('asks again under the same id for a place that is gone, with the rest of its time', async () => {
    const client = await bench.connected();
    const locked = client.lock(RESOURCE, { waitMs: 60_000 });
    const requestId = await queued(client);
    bench.grants(14);
    await bench.reconnected(client);
    expect((await locked).fence).to.equal(14);
    expect(bench.asked()).to.deep.equal([requestId, requestId]);
    expect(bench.broker.said('lock:acquire')[1]?.waitMs).to.equal(59_000);
  });

  it('cancels a place that nobody here waits for', async () => {
    bench.broker.welcome = {
      waiting: [{ requestId: 'before-the-reload', resource: RESOURCE, position: 1 }],
    };
    await bench.connected();
    await until(() => bench.broker.said('lock:cancel').length === 1);
    expect(bench.broker.said('lock:cancel')).to.deep.equal([{ requestId: 'before-the-reload' }]);
  });

  it('asks what became of a wait that is over without news', async () => {
    const client = await bench.connected();
    const locked = rejection(client.lock(RESOURCE, { waitMs: 60_000 }));
    await queued(client);
    bench.broker.answer('lock:acquire', () => wireError('conflict', { outcome: 'denied' }));
    bench.clock.advance(62_000);
    expect(await locked).to.include({ code: 'locked' });
    expect(bench.broker.said('lock:acquire')[1]?.waitMs).to.equal(0);
  });

  it('gives up a wait that the broker never decides', async () => {
    const client = await bench.connected();
    const locked = client.lock(RESOURCE, { waitMs: 1_000 });
    const error = await rejectionInTime(bench.clock, locked, 2_000);
    expect(error).to.include({ code: 'locked' });
    await until(() => bench.broker.said('lock:cancel').length === 1);
  });

  it('rejects everything that waits when the session ends or the client is closed', async () => {
    const client = await bench.connected();
    const waiting = rejection(client.lock(RESOURCE, { waitMs: 60_000 }));
    await queued(client);
    client.close();
    expect(await waiting).to.include({ code: 'unavailable' });
    await client.connect();
    const again = rejection(client.lock(RESOURCE, { waitMs: 60_000 }));
    await queued(client);
    bench.broker.push('logoff', { reason: 'admin', message: 'Bye', by: { kind: 'admin' } });
    expect(await again).to.include({ code: 'session_ended' });
  });
});
