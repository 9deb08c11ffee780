import { LastcallError, type Snapshot } from '@lastcall/client';
import { expect } from 'chai';
import { FakeBroker, until, wireError } from './support/fake-broker.js';
import { rejection, SdkBench, settled } from './support/sdk.js';

describe('SDK: connection', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
  });
  afterEach(() => bench.stop());

  const statuses = (client: { getSnapshot(): Snapshot; subscribe(listener: () => void): () => void }): string[] => {
    const seen: string[] = [];
    client.subscribe(() => {
      const { status } = client.getSnapshot();
      if (seen.at(-1) !== status) seen.push(status);
    });
    return seen;
  };

  it('resolves with the first welcome and shows the session', async () => {
    const client = bench.client({ app: { name: 'books', version: '1' }, attributes: { branch: 'west' } });
    const seen = statuses(client);
    expect(client.getSnapshot()).to.include({ status: 'idle', state: 'disconnected' });
    const welcome = await client.connect();
    expect(welcome.sessionId).to.equal('session-1');
    expect(client.getSnapshot()).to.deep.include({
      status: 'online',
      state: 'active',
      session: { id: 'session-1', tenant: 'acme', resumed: false },
    });
    expect(seen).to.deep.equal(['connecting', 'online']);
    expect(bench.broker.handshakes[0]).to.deep.equal({
      token: 'token',
      app: { name: 'books', version: '1' },
      attributes: { branch: 'west' },
    });
  });

  it('gives everybody who connects the same answer', async () => {
    const client = bench.client();
    const [first, second] = await Promise.all([client.connect(), client.connect()]);
    expect(first).to.equal(second);
    expect(bench.broker.handshakes).to.have.length(1);
  });

  it('H18 asks for a fresh token at each connection and resumes with the key', async () => {
    let asked = 0;
    const client = await bench.connected({ token: () => Promise.resolve(`token-${++asked}`) });
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online');
    expect(bench.broker.handshakes.map((auth) => auth.token)).to.deep.equal(['token-1', 'token-2']);
    expect(bench.broker.handshakes[1]?.resume).to.deep.equal({ sessionId: 'session-1', key: 'key-1' });
    expect(client.getSnapshot().session?.resumed).to.equal(true);
  });

  it('resumes after a reload from what it left in the storage', async () => {
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
      removeItem: (key: string) => void items.delete(key),
    };
    const before = await bench.connected({ storage });
    before.close();
    const after = await bench.connected({ storage });
    expect(bench.broker.handshakes[1]?.resume?.sessionId).to.equal('session-1');
    await after.end();
    expect(items.size).to.equal(0);
    expect(bench.broker.said('session:end')).to.have.length(1);
  });

  it('does without a storage that throws', async () => {
    const fail = (): never => {
      throw new Error('denied');
    };
    const client = await bench.connected({ storage: { getItem: fail, setItem: fail, removeItem: fail } });
    expect(client.getSnapshot().status).to.equal('online');
  });

  it('drops a ticket that belongs to somebody else, and opens a session of its own', async () => {
    const storage = { getItem: () => '{"sessionId":"theirs","key":"k"}', setItem: () => undefined, removeItem: () => undefined };
    bench.broker.refuse = ({ resume }) => (resume ? wireError('forbidden', { terminal: true }) : undefined);
    const client = bench.client({ storage });
    const connected = client.connect();
    await until(() => client.getSnapshot().error?.code === 'forbidden');
    bench.clock.advance(1_000);
    expect((await connected).sessionId).to.equal('session-1');
  });

  it('H49 waits longer with each failure, with full jitter, up to a ceiling', async () => {
    bench.broker.refuse = () => wireError('unavailable');
    const client = bench.client({ connectTimeoutMs: 600_000 });
    const errors = new Set<unknown>();
    client.subscribe(() => {
      const { error } = client.getSnapshot();
      if (error) errors.add(error);
    });
    void client.connect();
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      await until(() => errors.size === attempt);
      let waitedMs = 0;
      while (bench.broker.handshakes.length === attempt && waitedMs < 20_000) {
        bench.clock.advance(500);
        waitedMs += 500;
        await new Promise((resolve) => {
          setTimeout(resolve, 10);
        });
      }
      waits.push(waitedMs);
    }
    const told = [1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    for (const [attempt, ms] of waits.entries()) expect(ms).to.be.within(told[attempt] ?? 0, (told[attempt] ?? 0) + 1_500);
  });

  for (const code of ['unavailable', 'rate_limited', 'maintenance'] as const) {
    it(`H49 comes back after \`${code}\` no sooner than told`, async () => {
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
    it(`H37 stays away after a terminal \`${code}\``, async () => {
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

  it('H37 learns how the session ended while it was away, and stays away', async () => {
    const client = await bench.connected();
    const ended = { reason: 'maintenance', by: { kind: 'admin' }, message: 'Year end', endedAt: 1, orderId: 'o' } as const;
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

  it('H37 opens a new session when the person signs in again after the end', async () => {
    const client = await bench.connected();
    bench.broker.push('logoff', { reason: 'admin', message: 'Bye', by: { kind: 'admin' } });
    await until(() => client.getSnapshot().status === 'ended');
    await client.connect();
    expect(bench.broker.handshakes[1]).to.deep.equal({ token: 'token' });
    expect(client.getSnapshot()).to.include({ status: 'online', ended: undefined });
  });

  it('H52 stays away when the session goes on over another socket', async () => {
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
    const client = bench.client({ token: () => 'fresh' });
    void client.connect();
    for (let attempt = 2; attempt <= 4; attempt += 1) {
      await until(() => bench.broker.handshakes.length === attempt);
      await until(() => client.getSnapshot().error !== undefined);
      bench.clock.advance(5_000);
    }
    await until(() => client.getSnapshot().status === 'closed');
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

  it('says so when connecting takes too long, and goes on trying', async () => {
    bench.broker.refuse = () => wireError('maintenance', { retryAfterMs: 60_000 });
    const client = bench.client({ connectTimeoutMs: 10_000 });
    const connected = client.connect();
    await until(() => client.getSnapshot().error !== undefined);
    bench.clock.advance(10_000);
    expect(await rejection(connected)).to.include({ code: 'maintenance' });
    bench.broker.refuse = () => undefined;
    bench.clock.advance(60_000);
    await until(() => client.getSnapshot().status === 'online');
  });

  it('H45 gives up a node that accepts connections and then says nothing', async () => {
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

  it('F8 sends nothing later: commands without a connection are refused at once', async () => {
    const client = await bench.connected();
    bench.broker.cut();
    await until(() => client.getSnapshot().status === 'reconnecting');
    const refused = await Promise.all([
      rejection(client.check('invoices/7', 1)),
      rejection(client.query('invoices/7')),
      rejection(client.seen('order-1')),
    ]);
    for (const error of refused) expect(error).to.include({ code: 'unavailable' });
    client.setDirty(true);
    client.setView('invoice 7');
    client.setView('invoice 8');
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online' && bench.broker.calls.length > 0);
    await until(() => bench.broker.said('heartbeat').length === 1);
    expect(bench.broker.calls.map((call) => call.event)).to.deep.equal(['heartbeat']);
    expect(bench.broker.said('heartbeat')[0]).to.deep.include({ dirty: true, view: 'invoice 8' });
  });

  it('F9 gives a command a time, and takes no late answer for another one', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:check', () => undefined);
    const checked = client.check('invoices/7', 1);
    await until(() => bench.broker.said('lock:check').length === 1);
    bench.clock.advance(5_000);
    expect(await rejection(checked)).to.include({ code: 'unavailable' });
    bench.broker.answer('lock:check', () => ({ valid: false }));
    expect(await client.check('invoices/7', 1)).to.include({ valid: false });
  });

  it('refreshes the token before it expires', async () => {
    let asked = 0;
    await bench.connected({ token: () => `token-${++asked}` });
    bench.broker.push('auth:expiring', { expiresInMs: 60_000 });
    await until(() => bench.broker.said('auth:refresh').length === 1);
    expect(bench.broker.said('auth:refresh')).to.deep.equal([{ token: 'token-2' }]);
  });

  it('signs out for good without an answer, and resumes nothing then', async () => {
    const client = await bench.connected();
    bench.broker.answer('session:end', () => undefined);
    const ended = client.end();
    await until(() => bench.broker.said('session:end').length === 1);
    bench.broker.cut();
    await ended;
    expect(client.getSnapshot().ended).to.include({ reason: 'user' });
    expect(bench.clock.timers).to.equal(0);
    await client.connect();
    expect(bench.broker.handshakes.at(-1)?.resume).to.equal(undefined);
  });

  it('H82 leaves no timer and no socket behind, however often it is closed and opened', async () => {
    const client = bench.client();
    for (let round = 0; round < 5; round += 1) {
      await client.connect();
      client.close();
      expect(bench.clock.timers).to.equal(0);
      expect(client.getSnapshot().status).to.equal('closed');
    }
    await until(() => bench.broker.sockets === 0);
    expect(bench.broker.handshakes.slice(1).every((auth) => auth.resume?.sessionId === 'session-1')).to.equal(true);
  });

  it('H47 tries at once when the device is back, unless the broker asked for patience', async () => {
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
