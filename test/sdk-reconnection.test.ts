import { LastcallError } from '@lastcall/client';
import { expect } from 'chai';
import { FakeBroker, until, wireError } from './support/fake-broker.js';
import { rejection, rejectionInTime, SdkBench, settled } from './support/sdk.js';

describe('[K2] SDK: reconnection', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
  });
  afterEach(() => bench.stop());

  it('waits longer with each failure, with full jitter, up to a ceiling (H49)', async () => {
    bench.broker.refuse = () => wireError('unavailable');
    const dialledAt: number[] = [];
    const token = (): string => {
      dialledAt.push(bench.clock.now());
      return 'token';
    };
    const client = bench.client({ token, connectTimeoutMs: 600_000 });
    const refusedAt = new Map<unknown, number>();
    client.subscribe(() => {
      const { error } = client.getSnapshot();
      if (error && !refusedAt.has(error)) refusedAt.set(error, bench.clock.now());
    });
    void client.connect();
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      await until(() => refusedAt.size === attempt);
      bench.clock.advance(20_000);
    }
    const waits = [...refusedAt.values()].map((at, index) => (dialledAt[index + 1] ?? 0) - at);
    expect(waits).to.deep.equal([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  });

  for (const code of ['unavailable', 'rate_limited', 'maintenance'] as const) {
    it(`comes back after \`${code}\` no sooner than told (H49)`, async () => {
      bench.broker.refuse = () => wireError(code, { retryAfterMs: 30_000 });
      const client = bench.client({ connectTimeoutMs: 300_000 });
      const connected = client.connect();
      await until(() => client.getSnapshot().error?.code === code);
      bench.broker.refuse = () => undefined;
      bench.clock.advance(29_900);
      await settled();
      expect(bench.broker.handshakes).to.have.length(1);
      bench.clock.advance(1_200);
      await connected;
      expect(client.getSnapshot().error).to.equal(undefined);
    });
  }

  for (const code of ['blocked', 'session_limit', 'forbidden', 'unauthenticated'] as const) {
    it(`stays away after a terminal \`${code}\` (H37)`, async () => {
      bench.broker.refuse = () => wireError(code, { terminal: true });
      const client = bench.client();
      const error = await rejection(client.connect());
      expect(error).to.be.instanceOf(LastcallError).and.to.include({ code });
      expect(client.getSnapshot()).to.deep.include({ status: 'closed', error });
      expect(bench.clock.timers).to.equal(0);
      bench.clock.advance(600_000);
      await settled();
      expect(bench.broker.handshakes).to.have.length(1);
    });
  }

  it('[S7] learns how the session ended while it was away, and stays away (H37)', async () => {
    const client = await bench.connected();
    const ended = {
      reason: 'maintenance',
      by: { kind: 'admin' },
      message: 'Year end',
      endedAt: 1,
      orderId: 'o',
    } as const;
    bench.broker.refuse = () => wireError('session_ended', { terminal: true, ended });
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'ended');
    expect(client.getSnapshot().ended).to.deep.equal({
      reason: 'maintenance',
      by: { kind: 'admin' },
      message: 'Year end',
      orderId: 'o',
    });
    expect(client.getSnapshot().state).to.equal('ended');
    expect(bench.clock.timers).to.equal(0);
  });

  it('opens a new session when the person signs in again after the end (H37)', async () => {
    const client = await bench.connected();
    bench.broker.push('logoff', { reason: 'admin', message: 'Bye', by: { kind: 'admin' } });
    await until(() => client.getSnapshot().status === 'ended');
    await client.connect();
    expect(bench.broker.handshakes[1]).to.deep.equal({ token: 'token' });
    expect(client.getSnapshot()).to.include({ status: 'online', ended: undefined });
  });

  it('stays away when the session goes on over another socket (H52)', async () => {
    const client = await bench.connected();
    bench.broker.push('superseded', {});
    await until(() => client.getSnapshot().status === 'closed');
    expect(client.getSnapshot().error?.code).to.equal('superseded');
    bench.clock.advance(600_000);
    expect(bench.broker.handshakes).to.have.length(1);
  });

  it('tries a fresh token three times in a row, and a fixed one once', async () => {
    bench.broker.refuse = () => wireError('token_expired');
    expect(await rejection(bench.client().connect())).to.include({ code: 'token_expired' });
    expect(bench.broker.handshakes).to.have.length(1);
    const fresh = bench.client({ token: () => 'fresh' }).connect();
    expect(await rejectionInTime(bench.clock, fresh, 1_000)).to.include({ code: 'token_expired' });
    expect(bench.broker.handshakes).to.have.length(4);
  });

  it('tries again when the token provider throws or hangs', async () => {
    const answers: (() => string | Promise<string>)[] = [
      () => {
        throw new Error('offline');
      },
      () => new Promise(() => undefined),
      () => 'token',
    ];
    const client = bench.client({ token: () => answers.shift()?.() ?? '', connectTimeoutMs: 100_000 });
    const connected = client.connect();
    await until(() => client.getSnapshot().error?.code === 'unavailable');
    bench.clock.advance(1_000);
    await settled();
    bench.clock.advance(15_000);
    await settled();
    bench.clock.advance(5_000);
    await connected;
    expect(answers).to.have.length(0);
  });

  it('takes no wait from an error that is garbled', async () => {
    bench.broker.refuse = () => wireError('unavailable', { retryAfterMs: 'soon' as never });
    const client = bench.client();
    void client.connect();
    await until(() => client.getSnapshot().error?.code === 'unavailable');
    bench.clock.advance(900);
    await settled();
    expect(bench.broker.handshakes).to.have.length(1);
  });

  it('says so when connecting takes too long, and goes on trying', async () => {
    bench.broker.refuse = () => wireError('maintenance', { retryAfterMs: 15_000 });
    const client = bench.client({ connectTimeoutMs: 10_000 });
    const connected = client.connect();
    await until(() => client.getSnapshot().error !== undefined);
    bench.clock.advance(10_000);
    expect(await rejection(connected)).to.include({ code: 'maintenance' });
    bench.broker.refuse = () => undefined;
    const again = client.connect();
    bench.clock.advance(6_000);
    expect(await again).to.include({ sessionId: 'session-1' });
    expect(await client.connect()).to.equal(await again);
  });

  it('gives up a node that accepts connections and then says nothing (H45)', async () => {
    bench.broker.mute = true;
    const client = bench.client({ connectTimeoutMs: 100_000 });
    const connected = client.connect();
    await until(() => bench.broker.sockets === 1);
    bench.broker.mute = false;
    bench.clock.advance(15_000);
    await until(() => bench.broker.sockets === 0);
    bench.clock.advance(1_000);
    await connected;
  });

  it('survives a broker that is not there', async () => {
    const gone = await FakeBroker.start();
    await gone.stop();
    const client = bench.client({ url: gone.url });
    void client.connect();
    await until(() => client.getSnapshot().error?.code === 'unavailable');
    expect(client.getSnapshot().status).to.equal('connecting');
  });

  it('tries at once when the device is back, unless the broker asked for patience (H47)', async () => {
    const device = new EventTarget();
    const client = await bench.connected({ environment: { device } });
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    device.dispatchEvent(new Event('online'));
    await until(() => client.getSnapshot().status === 'online');
    bench.broker.refuse = () => wireError('rate_limited', { retryAfterMs: 60_000 });
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    device.dispatchEvent(new Event('online'));
    await until(() => client.getSnapshot().error?.code === 'rate_limited');
    device.dispatchEvent(new Event('online'));
    await settled();
    expect(bench.broker.handshakes).to.have.length(3);
  });
});
