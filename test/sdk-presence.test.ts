import type { LastcallClient, LastcallOptions } from '@lastcall/client';
import { expect } from 'chai';
import { logoffWarning, POLICY, until } from './support/fake-broker.js';
import { FakeChannels, FakeLocks, FakeTarget } from './support/fake-page.js';
import { RESOURCE, SdkBench } from './support/sdk.js';

const SESSION_KEY = 'Lastcall-Session';

/** A tab's storage, which a duplicate begins with. */
const storage = (items: readonly (readonly [string, string])[] = []) => {
  const kept = new Map(items);
  return {
    kept,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
};

describe('[K17] SDK: presence', () => {
  let bench: SdkBench;
  let page: FakeTarget;
  let device: FakeTarget;
  beforeEach(async () => {
    bench = await SdkBench.start();
    page = new FakeTarget();
    device = new FakeTarget();
  });
  afterEach(() => bench.stop());

  const inPage = (environment: LastcallOptions['environment'] = {}, options: Partial<LastcallOptions> = {}) =>
    bench.connected({ ...options, environment: { page, device, ...environment } });
  const statusOf = (client: LastcallClient) => client.getSnapshot().status;
  const idOf = (client: LastcallClient) => client.headers()[SESSION_KEY];

  it('knows of a sleep with the first key after it, before the application hears the key', async () => {
    const client = await inPage();
    const handle = await bench.held(client);
    bench.clock.sleep(POLICY.leaseMs);
    page.fire('keydown');
    expect(statusOf(client)).to.equal('reconnecting');
    expect(client.getSnapshot().locks).to.deep.equal([]);
    expect(client.getSnapshot().lost.map(({ reason }) => reason)).to.deep.equal(['lease']);
    expect(handle.state).to.equal('lost');
  });

  it('asks for nothing after a short sleep but says at once that it is there', async () => {
    const client = await inPage();
    const handle = await bench.held(client);
    bench.clock.sleep(POLICY.beatMs);
    page.fire('keydown');
    await until(() => bench.broker.said('heartbeat').length === 1);
    expect(handle.state).to.equal('held');
    expect(statusOf(client)).to.equal('online');
  });

  it('notices a sleep by itself, and takes slow timers of a hidden tab for none', async () => {
    const client = await inPage();
    bench.clock.sleep(60_000);
    bench.clock.advance(5_000);
    await until(() => bench.broker.handshakes.length === 2);
    await until(() => statusOf(client) === 'online');
    for (let beats = 1; beats <= 3; beats += 1) {
      bench.clock.sleep(15_000);
      bench.broker.beat();
      await until(() => bench.broker.said('heartbeat').length >= beats);
    }
    expect(bench.broker.handshakes).to.have.length(2);
  });

  it('says that the device is offline, and dials when it is online again', async () => {
    const client = await inPage();
    device.fire('offline');
    expect(client.getSnapshot()).to.include({ status: 'reconnecting' });
    expect(client.getSnapshot().error?.message).to.equal('This device is offline.');
    device.fire('online');
    await until(() => statusOf(client) === 'online');
    expect(bench.broker.handshakes[1]?.resume?.sessionId).to.equal('session-1');
  });

  it('hangs up when its page is left, and resumes when that comes back from the browser’s memory', async () => {
    const locks = new FakeLocks();
    const client = await inPage({ locks });
    device.fire('pagehide');
    await until(() => bench.broker.sockets === 0);
    expect((await locks.query()).held).to.deep.equal([]);
    device.fire('pageshow');
    await until(() => statusOf(client) === 'online');
    expect(idOf(client)).to.equal('session-1');
  });

  it('goes on when a frozen page goes on', async () => {
    const client = await inPage();
    bench.clock.sleep(POLICY.leaseMs);
    page.fire('resume');
    await until(() => statusOf(client) === 'online');
    expect(bench.broker.handshakes).to.have.length(2);
  });

  it('gives a duplicated tab a session of its own, and leaves the first one alone', async () => {
    const locks = new FakeLocks();
    const first = storage();
    const one = await inPage({ locks }, { storage: first });
    const copy = storage([...first.kept]);
    const two = bench.client({ storage: copy, environment: { page: new FakeTarget(), locks } });
    const welcomed = two.connect();
    await new Promise((resolve) => {
      setTimeout(resolve, 0);
    });
    bench.clock.advance(500);
    await welcomed;
    expect([idOf(one), idOf(two)]).to.deep.equal(['session-1', 'session-2']);
    expect(statusOf(one)).to.equal('online');
    expect([...copy.kept.values()].join()).to.include('session-2');
  });

  it('resumes the session of a page that is gone, or has closed its client', async () => {
    const locks = new FakeLocks();
    const tab = storage();
    const one = await inPage({ locks }, { storage: tab });
    one.close();
    const two = await inPage({ locks }, { storage: tab });
    expect(idOf(two)).to.equal('session-1');
    expect(bench.broker.handshakes.map(({ resume }) => resume?.sessionId)).to.deep.equal([
      undefined,
      'session-1',
    ]);
  });

  it('shares what the person does with their other tabs, not with other people’s', async () => {
    const channels = new FakeChannels();
    const inTab = (target: FakeTarget) =>
      bench.connected({ environment: { page: target, channel: channels.open } });
    const one = await inTab(page);
    const two = await inTab(new FakeTarget());
    bench.broker.welcome = { user: { id: 'bob', name: 'Bob', roles: ['user'] } };
    await inTab(new FakeTarget());
    bench.clock.advance(5_000);
    page.fire('keydown');
    page.fire('keydown');
    bench.broker.beat();
    await until(() => bench.broker.said('heartbeat').length === 3);
    expect(
      bench.broker
        .said('heartbeat')
        .map(({ idleMs }) => idleMs)
        .toSorted((a, b) => a - b),
    ).to.deep.equal([0, 0, 5_000]);

    await bench.broker.pushAcknowledged('warning', logoffWarning({ reason: 'idle', holdable: false }));
    await until(() => two.getSnapshot().warnings.length === 1);
    bench.clock.advance(1_000);
    await one.dismiss();
    await until(() => bench.broker.said('activity').length === 2);
    one.close();
    two.close();
    expect(channels.pages).to.equal(1);
  });

  it('listens to nothing any more when it is closed', async () => {
    const client = await inPage();
    expect(page.heard).to.include('keydown');
    await client.query(RESOURCE);
    client.close();
    expect([...page.heard, ...device.heard]).to.deep.equal([]);
    expect(bench.clock.timers).to.equal(0);
  });
});
