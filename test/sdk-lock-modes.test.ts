import type { LastcallError, LockHandle } from '@lastcall/client';
import { expect } from 'chai';
import { lockOn, until, wireError } from './support/fake-broker.js';
import { queued, RESOURCE, rejection, SdkBench, settled } from './support/sdk.js';

const OTHER = 'invoices/8';
const shared = (fence: number) => ({ ...lockOn(RESOURCE, fence), mode: 'shared' as const });

describe('SDK: locks, several at once and upgrades', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  const reading = async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:acquire', () => ({ state: 'granted', lock: shared(5) }));
    return { client, handle: await client.lock(RESOURCE, { mode: 'shared' }) };
  };

  it('[K7] gets several locks, or none', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:acquireMany', ({ resources }) => ({
      locks: resources.map(({ resource }, index) => lockOn(resource, 7 + index)),
    }));
    const handles = await client.lockMany([{ resource: RESOURCE }, { resource: OTHER, mode: 'exclusive' }]);
    expect(handles.map(({ fence, state }) => [fence, state])).to.deep.equal([
      [7, 'held'],
      [8, 'held'],
    ]);
    expect(client.getSnapshot().locks).to.have.length(2);
    await Promise.all(handles.map((handle) => handle.release()));
    expect(bench.broker.said('lock:release')).to.have.length(2);
    bench.broker.answer('lock:acquireMany', () => wireError('locked', { blockers: [] }));
    expect(await rejection(client.lockMany([{ resource: RESOURCE }]))).to.include({ code: 'locked' });
    expect(await rejection(client.lockMany([{ resource: 'no resource' }]))).to.include({ code: 'invalid' });
    expect(client.getSnapshot().locks).to.deep.equal([]);
  });

  it('[K7] repeats that question under the same id, and gives all back that nobody waits for (H02, H10)', async () => {
    const client = await bench.connected();
    const controller = new AbortController();
    bench.broker.answer('lock:acquireMany', () => undefined);
    const given = rejection(
      client.lockMany([{ resource: RESOURCE }, { resource: OTHER }], { signal: controller.signal }),
    );
    await until(() => bench.broker.said('lock:acquireMany').length === 1);
    bench.clock.advance(5_000);
    await settled();
    bench.broker.answer('lock:acquireMany', () => {
      controller.abort();
      return { locks: [lockOn(RESOURCE, 7), lockOn(OTHER, 8)] };
    });
    bench.clock.advance(500);
    expect(await given).to.include({ name: 'AbortError' });
    await until(() => bench.broker.said('lock:release').length === 2);
    const ids = bench.broker.said('lock:acquireMany').map(({ requestId }) => requestId);
    expect(ids).to.have.length(2);
    expect(new Set(ids).size).to.equal(1);
  });

  it('[K7] makes a shared lock exclusive, with the fence of the new grant', async () => {
    const { client, handle } = await reading();
    const upgraded = handle.upgrade({ waitMs: 60_000 });
    const requestId = await queued(client);
    expect(bench.broker.said('lock:upgrade')).to.deep.equal([
      { resource: RESOURCE, fence: 5, requestId, waitMs: 60_000 },
    ]);
    expect(handle).to.include({ mode: 'shared', fence: 5, state: 'held' });
    bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
    await upgraded;
    expect(handle).to.include({ mode: 'exclusive', fence: 9, state: 'held' });
    expect(client.getSnapshot().locks).to.deep.equal([
      { resource: RESOURCE, mode: 'exclusive', scope: 'record', fence: 9, state: 'held' },
    ]);
    await handle.upgrade();
    await handle.release();
    expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: RESOURCE, fence: 9 }]);
    expect(await rejection(handle.upgrade())).to.include({ code: 'not_held' });
  });

  it('[K7] stays shared when the upgrade is refused, and says in which circle it would have waited', async () => {
    const { handle } = await reading();
    const cycle = [{ sessionId: 's', user: { id: 'bob', name: 'Bob' }, resource: RESOURCE }];
    bench.broker.answer('lock:upgrade', () => wireError('deadlock', { cycle }));
    const error = (await rejection(handle.upgrade({ waitMs: 60_000 }))) as LastcallError;
    expect(error.code).to.equal('deadlock');
    expect(error.extras.cycle).to.deep.equal(cycle);
    expect(handle).to.include({ mode: 'shared', fence: 5, state: 'held' });
  });

  it('[K7] has one lock of a record however often it is upgraded at once, and gives that back', async () => {
    const { client, handle } = await reading();
    const other = await client.lock(RESOURCE, { mode: 'shared' });
    const upgrades = [handle, other].map((one) => one.upgrade({ waitMs: 60_000 }));
    await until(() => client.getSnapshot().waiting.length === 2);
    const fences = [9, 10];
    for (const { requestId } of client.getSnapshot().waiting) {
      bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, fences.shift() ?? 0) });
    }
    await Promise.all(upgrades);
    for (const one of [handle, other])
      expect(one).to.include({ mode: 'exclusive', fence: 10, state: 'held' });
    await handle.release();
    expect(bench.broker.said('lock:release')).to.deep.equal([]);
    await other.release();
    expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: RESOURCE, fence: 10 }]);
  });

  it('[K7][K11] has one lock of a record that it shared and took over', async () => {
    const { client, handle } = await reading();
    bench.broker.answer('lock:takeover', () => ({ state: 'granted', lock: lockOn(RESOURCE, 9) }));
    const taken = await client.takeover(RESOURCE);
    for (const one of [handle, taken]) expect(one).to.include({ mode: 'exclusive', fence: 9, state: 'held' });
    expect(client.getSnapshot().locks).to.have.length(1);
    await taken.release();
    await handle.release();
    expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: RESOURCE, fence: 9 }]);
  });

  it('[K7][K11] has one lock of a record that it asked for twice at once, to share and to take over', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:takeover', () => ({ state: 'asked', deadlineMs: 60_000 }));
    bench.broker.answer('lock:acquire', () => ({ state: 'granted', lock: shared(5) }));
    const taken = client.takeover(RESOURCE);
    const requestId = await queued(client);
    const handle = await client.lock(RESOURCE, { mode: 'shared' });
    bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
    await taken;
    expect(handle).to.include({ mode: 'exclusive', fence: 9, state: 'held' });
    expect(client.getSnapshot().locks).to.have.length(1);
  });

  it('[K5][K7] keeps a lock that was upgraded while the connection was away', async () => {
    const { client, handle } = await reading();
    const upgraded = handle.upgrade({ waitMs: 60_000 });
    await queued(client);
    bench.broker.welcome = { ...bench.broker.welcome, locks: [lockOn(RESOURCE, 9)] };
    bench.broker.answer('lock:upgrade', () => ({ state: 'granted', lock: lockOn(RESOURCE, 9) }));
    await bench.reconnected(client);
    await upgraded;
    expect(handle).to.include({ mode: 'exclusive', fence: 9, state: 'held' });
    expect(bench.broker.said('lock:release')).to.deep.equal([]);
  });

  it('[K7] asks what it has when an upgrade is given up, since it may have been granted', async () => {
    const { client, handle } = await reading();
    const controller = new AbortController();
    const given = rejection(handle.upgrade({ waitMs: 60_000, signal: controller.signal }));
    const requestId = await queued(client);
    bench.broker.answer('lock:check', ({ fence }) => ({ valid: fence === 9, lock: shared(9) }));
    bench.broker.answer('lock:cancel', () => {
      bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
      return {};
    });
    controller.abort();
    expect(await given).to.include({ name: 'AbortError' });
    const is = ({ mode, fence, state }: LockHandle): string => `${mode} ${fence} ${state}`;
    await until(() => is(handle) === 'shared 9 held');
    expect(bench.broker.said('lock:cancel')).to.deep.equal([{ requestId }]);
  });

  it('[K7] gives an upgrade back that was granted while its lock was released', async () => {
    const { client, handle } = await reading();
    const upgraded = handle.upgrade({ waitMs: 60_000 });
    const requestId = await queued(client);
    bench.broker.answer('lock:release', ({ fence }) => {
      // Both cross: the broker has granted the upgrade, so that nothing is held with the old fence.
      if (fence === 5) bench.broker.push('lock:granted', { requestId, lock: lockOn(RESOURCE, 9) });
      return { released: fence === 9 };
    });
    await handle.release();
    await upgraded;
    await until(() => bench.broker.said('lock:release').length === 2);
    expect(bench.broker.said('lock:release')[1]).to.deep.equal({ resource: RESOURCE, fence: 9 });
    expect(handle.state).to.equal('released');
    expect(client.getSnapshot().locks).to.deep.equal([]);
  });
});
