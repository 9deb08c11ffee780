import type { LastcallClient } from '@lastcall/client';
import { expect } from 'chai';
import { logoffWarning, POLICY, until, wireError } from './support/fake-broker.js';
import { FakeTarget } from './support/fake-page.js';
import { RESOURCE, SdkBench, settled } from './support/sdk.js';

const { leaseMs, beatMs } = POLICY;

/** Answers come in order: whatever the client was answered before this has arrived. */
const answered = (client: LastcallClient): Promise<unknown> => client.query(RESOURCE);

describe('[K1] SDK: heartbeat, lease and activity', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
  });
  afterEach(() => bench.stop());

  const beaten = async (client: LastcallClient): Promise<void> => {
    const before = bench.broker.said('heartbeat').length;
    bench.broker.beat();
    await until(() => bench.broker.said('heartbeat').length > before);
    await answered(client);
  };

  it('answers each beat with its n and how long the person was idle', async () => {
    const client = await bench.connected();
    bench.clock.advance(5_000);
    await beaten(client);
    client.activity();
    bench.clock.advance(2_000);
    await beaten(client);
    expect(bench.broker.said('heartbeat')).to.deep.equal([
      { n: 1, idleMs: 5_000 },
      { n: 2, idleMs: 2_000 },
    ]);
  });

  it('tells dirty and view at once, once, and again on each new connection', async () => {
    const client = await bench.connected();
    client.setDirty(true);
    client.setView('invoice\n7');
    await until(() => bench.broker.said('heartbeat').length === 1);
    await answered(client);
    bench.clock.advance(1_000);
    await until(() => bench.broker.said('heartbeat').length === 2);
    await answered(client);
    await beaten(client);
    expect(bench.broker.said('heartbeat')).to.deep.equal([
      { idleMs: 0, dirty: true },
      { idleMs: 1_000, view: 'invoice 7' },
      { n: 1, idleMs: 1_000 },
    ]);
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.clock.advance(1_000);
    await until(() => bench.broker.said('heartbeat').length === 4);
    expect(bench.broker.said('heartbeat')[3]).to.deep.equal({
      idleMs: 2_000,
      dirty: true,
      view: 'invoice 7',
    });
  });

  it('tells many changes as few', async () => {
    const client = await bench.connected();
    for (let turn = 0; turn < 100; turn += 1) client.setDirty(turn % 2 === 0);
    client.setDirty(true);
    bench.clock.advance(1_000);
    await settled();
    await beaten(client);
    expect(bench.broker.said('heartbeat').length).to.be.at.most(3);
  });

  it('asks handlers at each beat whether there is unsaved work', async () => {
    const client = await bench.connected();
    let dirty = false;
    client.onSave(() => undefined, { isDirty: () => dirty });
    await beaten(client);
    dirty = true;
    await beaten(client);
    expect(bench.broker.said('heartbeat').map((heartbeat) => heartbeat.dirty)).to.deep.equal([false, true]);
  });

  it('[K14] reconnects after two missed beats, to any node, and not before', async () => {
    const client = await bench.connected();
    await beaten(client);
    bench.clock.advance(2 * beatMs);
    expect(client.getSnapshot().status).to.equal('online');
    bench.clock.advance(0.25 * beatMs);
    expect(client.getSnapshot().status).to.equal('reconnecting');
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online');
  });

  it('[K14] takes beats of a broker under load, up to a third of the lease apart, for no miss', async () => {
    const client = await bench.connected();
    for (let turn = 0; turn < 5; turn += 1) {
      bench.clock.advance(leaseMs / 3);
      await beaten(client);
    }
    expect(client.getSnapshot().status).to.equal('online');
    bench.clock.advance((2 * leaseMs) / 3);
    expect(client.getSnapshot().status).to.equal('online');
  });

  it('counts the lease from when the last answered heartbeat was sent: at risk, then lost, before it is over (H01)', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    bench.clock.advance(10_000);
    bench.broker.answer('heartbeat', async () => {
      bench.clock.advance(3_000);
      return { leaseMs };
    });
    const sentAt = bench.clock.now();
    await beaten(client);
    bench.broker.answer('heartbeat', () => undefined);
    const seen: [string, number][] = [];
    handle.onChange(({ state }) => seen.push([state, bench.clock.now() - sentAt]));
    const { signal } = handle;
    while (handle.state !== 'lost' && bench.clock.now() - sentAt < leaseMs) {
      bench.clock.advance(1_000);
      if (bench.clock.now() - sentAt < 30_000) bench.broker.beat();
      await settled();
    }
    expect(seen.map(([state]) => state)).to.deep.equal(['at-risk', 'lost']);
    expect(seen[0]?.[1]).to.be.at.most(0.85 * leaseMs);
    expect(seen[1]?.[1]).to.be.below(leaseMs);
    expect(signal.aborted).to.equal(true);
    expect(handle.lost).to.deep.equal({ reason: 'lease' });
    expect(client.leaseRemainingMs()).to.equal(0);
  });

  it('[P6] holds a lock again, with a new signal, when a heartbeat is answered in time', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    const { signal } = handle;
    // No other node is better off.
    bench.broker.refuse = () => wireError('unavailable');
    for (let passed = 0; passed < 0.85 * leaseMs; passed += 1_000) {
      bench.clock.advance(1_000);
      bench.broker.answer('heartbeat', () => wireError('unavailable'));
      if (passed % beatMs === 0) await beaten(client);
    }
    expect(handle.state).to.equal('at-risk');
    expect(signal.aborted).to.equal(true);
    expect(client.getSnapshot()).to.include({ status: 'online' });
    expect(client.getSnapshot().error?.code).to.equal('unavailable');
    bench.broker.answer('heartbeat', () => ({ leaseMs }));
    await beaten(client);
    await until(() => handle.state === 'held');
    expect(handle.signal.aborted).to.equal(false);
    expect(signal.aborted).to.equal(true);
    expect(client.getSnapshot().error).to.equal(undefined);
  });

  it('knows after a sleep that the lease is over, before any timer has run (H47)', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    const { signal } = handle;
    bench.clock.sleep(leaseMs);
    expect(handle.state).to.equal('lost');
    expect(handle.signal.aborted).to.equal(true);
    await settled();
    expect(signal.aborted).to.equal(true);
    expect(handle.lost).to.deep.equal({ reason: 'lease' });
    expect(client.getSnapshot().locks).to.deep.equal([]);
  });

  it('looks after a sleep at once when the page is shown again (H47)', async () => {
    const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    const client = await bench.connected({ environment: { page } });
    bench.clock.sleep(3 * beatMs);
    page.dispatchEvent(new Event('visibilitychange'));
    expect(client.getSnapshot().status).to.equal('reconnecting');
  });

  it('[K6] answers beats while listeners and handlers throw (H84)', async () => {
    const client = await bench.connected();
    client.subscribe(() => {
      throw new Error('listener');
    });
    client.onSave(() => undefined, {
      isDirty: () => {
        throw new Error('isDirty');
      },
    });
    const handle = await bench.held(client);
    handle.onChange(() => {
      throw new Error('onChange');
    });
    bench.broker.push('lock:lost', { resource: 'invoices/7', fence: 7, reason: 'admin' });
    await beaten(client);
    expect(bench.broker.said('heartbeat')).to.have.length(1);
    expect(bench.broker.said('heartbeat')[0]).to.include({ dirty: true });
    expect(handle.state).to.equal('lost');
    expect(bench.warnings).to.include.members([
      'A subscriber threw',
      'isDirty threw',
      'A lock listener threw',
    ]);
  });

  it('takes on a policy that changes while it runs', async () => {
    const client = await bench.connected();
    bench.broker.push('policy', { ...POLICY, version: 2, beatMs: 2_000, leaseMs: 6_000 });
    await until(() => client.getSnapshot().policy?.version === 2);
    bench.clock.advance(4_500);
    expect(client.getSnapshot().status).to.equal('reconnecting');
  });

  describe('activity', () => {
    it('hears input of the person, and none of scripts', async () => {
      const page = new FakeTarget();
      const client = await bench.connected({ environment: { page } });
      bench.clock.advance(10_000);
      page.fire('keydown', false);
      await beaten(client);
      page.fire('keydown');
      await beaten(client);
      expect(bench.broker.said('heartbeat').map(({ idleMs }) => idleMs)).to.deep.equal([10_000, 0]);
      client.close();
      expect(() => {
        page.fire('keydown');
      }).not.to.throw();
    });

    it('tells the broker at once that the person is back from idle, and not at each key', async () => {
      const page = new FakeTarget();
      const client = await bench.connected({ environment: { page } });
      page.fire('keydown');
      bench.broker.push('policy', { ...POLICY, version: 2, idleAfterMs: 1_000 });
      await until(() => client.getSnapshot().policy?.version === 2);
      bench.clock.advance(2_000);
      await beaten(client);
      expect(client.getSnapshot().state).to.equal('idle');
      for (const type of ['pointerdown', 'keydown', 'wheel', 'touchstart']) page.fire(type);
      await until(() => bench.broker.said('activity').length > 0);
      await until(() => client.getSnapshot().state === 'active');
      expect(bench.broker.said('activity')).to.deep.equal([{ idleMs: 0 }]);
    });

    it('ends an idle warning by any input, and by dismiss', async () => {
      const client = await bench.connected();
      bench.broker.push('warning', logoffWarning({ reason: 'idle', holdable: false }));
      await until(() => client.getSnapshot().warnings.length === 1);
      client.activity();
      await until(() => bench.broker.said('activity').length === 1);
      await client.dismiss();
      expect(bench.broker.said('activity')).to.have.length(2);
      bench.broker.push('warning:cancelled', { orderId: 'order-1' });
      await until(() => client.getSnapshot().warnings.length === 0);
    });

    it('tells after a reconnection that the person came back meanwhile', async () => {
      const client = await bench.connected();
      const idle = logoffWarning({ reason: 'idle' });
      bench.broker.push('warning', idle);
      await until(() => client.getSnapshot().warnings.length === 1);
      bench.broker.cut();
      await until(() => client.getSnapshot().status === 'reconnecting');
      client.activity();
      bench.broker.welcome = { orders: [idle] };
      bench.clock.advance(1_000);
      await until(() => bench.broker.said('activity').length === 1);
    });
  });
});
