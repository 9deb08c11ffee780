import { LastcallError, type LockHolder } from '@lastcall/client';
import { expect } from 'chai';
import { until, wireError } from './support/fake-broker.js';
import { RESOURCE, rejection, rejectionInTime, SdkBench, settled } from './support/sdk.js';

describe('SDK: locks, asking', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  it('gives a handle on what was granted at once', async () => {
    const client = await bench.connected();
    bench.grants();
    const handle = await client.lock(RESOURCE, { mode: 'shared', scope: 'tree', note: 'a\nnote' });
    expect(handle).to.include({ resource: RESOURCE, fence: 7, state: 'held', lost: undefined });
    expect(handle.signal.aborted).to.equal(false);
    const [request] = bench.broker.said('lock:acquire');
    expect(request).to.include({
      resource: RESOURCE,
      mode: 'shared',
      scope: 'tree',
      note: 'a note',
      waitMs: 0,
    });
    expect(request?.requestId).to.match(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(client.getSnapshot().locks).to.deep.equal([
      { resource: RESOURCE, mode: 'exclusive', scope: 'record', fence: 7, state: 'held' },
    ]);
  });

  it('says who holds what is not to be had', async () => {
    const client = await bench.connected();
    const blockers = [{ resource: RESOURCE, user: { id: 'bob', name: 'Bob' } }] as unknown as LockHolder[];
    bench.broker.answer('lock:acquire', () => wireError('locked', { blockers }));
    const error = await rejection(client.lock(RESOURCE));
    expect(error).to.be.instanceOf(LastcallError).and.to.include({ code: 'locked' });
    expect((error as LastcallError).extras.blockers).to.deep.equal(blockers);
    expect(client.getSnapshot().waiting).to.deep.equal([]);
  });

  for (const code of ['queue_full', 'lock_limit', 'deadlock', 'session_ended'] as const) {
    it(`rejects with \`${code}\``, async () => {
      const client = await bench.connected();
      bench.broker.answer('lock:acquire', () => wireError(code));
      expect(await rejection(client.lock(RESOURCE, { waitMs: 60_000 }))).to.include({ code });
      expect(bench.asked()).to.have.length(1);
    });
  }

  it('refuses what is no resource, and everything before it is connected', async () => {
    const client = bench.client();
    expect(await rejection(client.lock('no resource'))).to.include({ code: 'invalid' });
    expect(await rejection(client.lock(RESOURCE))).to.include({ code: 'unavailable' });
  });

  it('waits a little for a connection, and asks nothing when there is none in time (F8)', async () => {
    const client = await bench.connected();
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.broker.refuse = () => wireError('unavailable', { retryAfterMs: 60_000 });
    const refused = rejection(client.lock(RESOURCE));
    bench.clock.advance(5_000);
    expect(await refused).to.include({ code: 'unavailable' });
    bench.broker.refuse = () => undefined;
    bench.clock.advance(62_000);
    await until(() => client.getSnapshot().status === 'online');
    await client.query(RESOURCE);
    expect(bench.asked()).to.deep.equal([]);
  });

  it('repeats a question without an answer under the same id (H02)', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:acquire', () => undefined);
    const locked = client.lock(RESOURCE);
    await until(() => bench.asked().length === 1);
    bench.clock.advance(5_000);
    await settled();
    bench.grants();
    bench.clock.advance(500);
    expect((await locked).state).to.equal('held');
    expect(bench.asked()).to.have.length(2);
    expect(new Set(bench.asked()).size).to.equal(1);
  });

  it('repeats a question whose answer was cut off, under the same id, after the reconnection (H02)', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:acquire', () => undefined);
    const locked = client.lock(RESOURCE);
    await until(() => bench.asked().length === 1);
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.grants();
    await settled();
    bench.clock.advance(1_000);
    expect((await locked).fence).to.equal(7);
    expect(new Set(bench.asked()).size).to.equal(1);
  });

  it('waits out a broker without its store, and gives up after a while', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:acquire', () => wireError('unavailable', { retryAfterMs: 2_000 }));
    const error = await rejectionInTime(bench.clock, client.lock(RESOURCE), 2_500);
    expect(error).to.include({ code: 'unavailable' });
    expect(bench.asked().length).to.be.within(5, 12);
    await until(() => bench.broker.said('lock:cancel').length === 1);
  });

  it('cancels what it could not cancel as soon as the broker has its store again (H10)', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:acquire', () => wireError('unavailable', { retryAfterMs: 2_000 }));
    bench.broker.answer('lock:cancel', () => wireError('unavailable', { retryAfterMs: 2_000 }));
    const patience = new AbortController();
    const refused = rejection(client.lock(RESOURCE, { signal: patience.signal }));
    await until(() => bench.asked().length === 1);
    await client.query(RESOURCE);
    patience.abort();
    await refused;
    await until(() => bench.broker.said('lock:cancel').length === 1);
    await client.query(RESOURCE);
    bench.broker.answer('lock:cancel', () => ({}));
    bench.broker.beat();
    await until(() => bench.broker.said('lock:cancel').length === 2);
    expect(bench.broker.said('lock:cancel')[1]).to.deep.equal({ requestId: bench.asked()[0] });
    await client.query(RESOURCE);
    bench.broker.beat();
    await client.query(RESOURCE);
    expect(bench.broker.said('lock:cancel')).to.have.length(2);
  });
});
