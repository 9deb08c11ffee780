import { expect } from 'chai';
import { lockOn, until } from './support/fake-broker.js';
import { Gate, RESOURCE, rejection, SdkBench, settled } from './support/sdk.js';

describe('SDK: locks, holding', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
    bench.broker.welcome = { beatMs: 3_600_000, leaseMs: 10_800_000 };
  });
  afterEach(() => bench.stop());

  it('releases once, by fence', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    const states: string[] = [];
    handle.onChange(({ state }) => states.push(state));
    await Promise.all([handle.release(), handle.release()]);
    await handle.release();
    expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: RESOURCE, fence: 7 }]);
    expect(states).to.deep.equal(['released']);
    expect(handle.signal.aborted).to.equal(false);
    expect(client.getSnapshot().locks).to.deep.equal([]);
  });

  it('releases at the end of an `await using`', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    await handle[Symbol.asyncDispose]();
    expect(handle.state).to.equal('released');
  });

  it('releases after the reconnection what could not be released without one', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    await handle.release();
    bench.broker.welcome = { ...bench.broker.welcome, locks: [lockOn(RESOURCE, 7)] };
    bench.clock.advance(1_000);
    await until(() => bench.broker.said('lock:release').length === 1);
  });

  it('gives the lock back when the last of those who share it is done (H13)', async () => {
    const client = await bench.connected();
    const first = await bench.held(client);
    const second = await bench.held(client);
    await first.release();
    expect(bench.broker.said('lock:release')).to.have.length(0);
    expect(second.state).to.equal('held');
    await second.release();
    expect(bench.broker.said('lock:release')).to.have.length(1);
  });

  it('keeps a lock that is asked for again while it is given up', async () => {
    const client = await bench.connected();
    bench.grants();
    const controller = new AbortController();
    const given = rejection(client.lock(RESOURCE, { signal: controller.signal }));
    controller.abort();
    const handle = await client.lock(RESOURCE);
    await given;
    await client.query(RESOURCE);
    expect(handle.state).to.equal('held');
    expect(bench.broker.said('lock:release')).to.have.length(0);
  });

  it('asks for a lock only after its release has been answered', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    const answer = new Gate<{ released: boolean }>();
    bench.broker.answer('lock:release', () => answer.opened);
    const released = handle.release();
    const locked = client.lock(RESOURCE);
    await until(() => bench.broker.said('lock:release').length === 1);
    await client.query(RESOURCE);
    expect(bench.asked()).to.have.length(1);
    bench.grants(8);
    answer.open({ released: true });
    await released;
    expect((await locked).fence).to.equal(8);
  });

  it('learns that and why a lock is lost, by resource and fence', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    const { signal } = handle;
    bench.broker.push('lock:lost', { resource: RESOURCE, fence: 6, reason: 'admin' });
    await client.query(RESOURCE);
    expect(handle.state).to.equal('held');
    bench.broker.push('lock:lost', {
      resource: RESOURCE,
      fence: 7,
      reason: 'takeover',
      by: { kind: 'user', name: 'Bob' },
    });
    await until(() => handle.state === 'lost');
    expect(handle.lost).to.deep.equal({ reason: 'takeover', by: { kind: 'user', name: 'Bob' } });
    expect(signal.aborted).to.equal(true);
    await handle.release();
    expect(handle.state).to.equal('lost');
    expect(bench.broker.said('lock:release')).to.have.length(0);
  });

  it('[K5] holds on over a reconnection what the welcome confirms, by fence', async () => {
    const client = await bench.connected();
    const kept = await bench.held(client);
    const gone = await client.lock('invoices/8');
    const other = await client.lock('invoices/9');
    bench.broker.welcome = {
      ...bench.broker.welcome,
      locks: [lockOn(RESOURCE, 7), lockOn('invoices/9', 8)],
    };
    await bench.reconnected(client);
    expect([kept, gone, other].map(({ state }) => state)).to.deep.equal(['held', 'lost', 'lost']);
    expect(gone.lost).to.deep.equal({ reason: 'away' });
    expect(kept.signal.aborted).to.equal(false);
  });

  it('[K5] holds again after it was at risk only what the welcome confirms', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.clock.sleep(0.85 * 10_800_000);
    expect(handle.state).to.equal('at-risk');
    await settled();
    bench.broker.welcome = { ...bench.broker.welcome, locks: [lockOn(RESOURCE, 7)] };
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online');
    expect(handle.state).to.equal('held');
  });

  it('[K9] learns of a loss that overtook the answer which gave the lock', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:acquire', ({ resource }) => {
      bench.broker.push('lock:lost', { resource, fence: 7, reason: 'admin' });
      return { state: 'granted', lock: lockOn(resource, 7) };
    });
    const handle = await client.lock(RESOURCE);
    expect(handle).to.deep.include({ state: 'lost', lost: { reason: 'admin' } });
    expect(handle.signal.aborted).to.equal(true);
    expect(client.getSnapshot().locks).to.deep.equal([]);
    expect(await bench.held(client, 8)).to.include({ state: 'held', fence: 8 });
  });

  it('loses everything when the broker lost the session (H03)', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    bench.broker.welcome = { ...bench.broker.welcome, sessionId: 'another', resumed: false };
    await bench.reconnected(client);
    expect(handle.state).to.equal('lost');
    expect(client.getSnapshot().session).to.include({ id: 'another', resumed: false });
  });

  it('gives back after a while what a reload left behind, unless it is asked for again', async () => {
    bench.broker.welcome = {
      ...bench.broker.welcome,
      locks: [lockOn(RESOURCE, 7), lockOn('invoices/8', 8)],
    };
    const client = await bench.connected();
    const handle = await bench.held(client);
    bench.clock.advance(10_000);
    await until(() => bench.broker.said('lock:release').length === 1);
    expect(bench.broker.said('lock:release')).to.deep.equal([{ resource: 'invoices/8', fence: 8 }]);
    expect(handle.state).to.equal('held');
  });

  it('gives back a lock lost with the lease when the broker still counts it as held', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    bench.clock.sleep(10_800_000);
    expect(handle.state).to.equal('lost');
    await settled();
    bench.broker.answer('heartbeat', () => ({ leaseMs: 10_800_000 }));
    bench.broker.beat();
    await until(() => bench.broker.said('lock:release').length === 1);
    expect(handle.state).to.equal('lost');
  });

  it('loses all locks with the session, before the last handlers run (H37)', async () => {
    const client = await bench.connected();
    const handle = await bench.held(client);
    let seen: string | undefined;
    client.onSave(() => {
      seen = handle.state;
    });
    bench.broker.push('logoff', { reason: 'admin', message: 'Bye', by: { kind: 'admin' } });
    await until(() => client.getSnapshot().status === 'ended');
    expect(seen).to.equal('lost');
    expect(handle.lost).to.deep.equal({ reason: 'session_ended' });
  });

  it('asks the broker about a fence and about holders', async () => {
    const client = await bench.connected();
    expect(await client.check(RESOURCE, 7)).to.include({ valid: true });
    expect(await client.query(RESOURCE)).to.deep.include({ holders: [], waiters: [] });
  });
});
