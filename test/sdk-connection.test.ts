import type { LastcallClient } from '@lastcall/client';
import { expect } from 'chai';
import { until, wireError } from './support/fake-broker.js';
import { rejection, SdkBench } from './support/sdk.js';

/** The statuses a client goes through from now on. */
function statuses(client: LastcallClient): string[] {
  const seen: string[] = [];
  client.subscribe(() => {
    const { status } = client.getSnapshot();
    if (seen.at(-1) !== status) seen.push(status);
  });
  return seen;
}

const denied = (): never => {
  throw new Error('denied');
};

describe('[K2] SDK: connection', () => {
  let bench: SdkBench;
  beforeEach(async () => {
    bench = await SdkBench.start();
  });
  afterEach(() => bench.stop());

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

  it('asks for a fresh token at each connection and resumes with the key (H18)', async () => {
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
    const client = await bench.connected({
      storage: { getItem: denied, setItem: denied, removeItem: denied },
    });
    expect(client.getSnapshot().status).to.equal('online');
  });

  it('drops a ticket that belongs to somebody else, and opens a session of its own', async () => {
    const storage = {
      getItem: () => '{"sessionId":"theirs","key":"k"}',
      setItem: () => undefined,
      removeItem: () => undefined,
    };
    bench.broker.refuse = ({ resume }) => (resume ? wireError('forbidden', { terminal: true }) : undefined);
    const client = bench.client({ storage });
    const connected = client.connect();
    await until(() => client.getSnapshot().error?.code === 'forbidden');
    bench.clock.advance(1_000);
    expect((await connected).sessionId).to.equal('session-1');
  });

  it('sends nothing later: commands without a connection are refused at once (F8)', async () => {
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

  it('gives a command a time, and takes no late answer for another one (F9)', async () => {
    const client = await bench.connected();
    bench.broker.answer('lock:check', () => undefined);
    const checked = client.check('invoices/7', 1);
    await until(() => bench.broker.said('lock:check').length === 1);
    bench.clock.advance(5_000);
    expect(await rejection(checked)).to.include({ code: 'unavailable' });
    bench.broker.answer('lock:check', () => ({ valid: false }));
    expect(await client.check('invoices/7', 1)).to.deep.equal({ valid: false });
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

  it('leaves no timer and no socket behind, however often it is closed and opened (H82)', async () => {
    const client = bench.client();
    for (let round = 0; round < 5; round += 1) {
      await client.connect();
      client.close();
      expect(bench.clock.timers).to.equal(0);
      expect(client.getSnapshot().status).to.equal('closed');
    }
    await until(() => bench.broker.sockets === 0);
    expect(bench.broker.handshakes.slice(1).every((auth) => auth.resume?.sessionId === 'session-1')).to.equal(
      true,
    );
  });
});
