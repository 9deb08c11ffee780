import type { LastcallClient } from '@lastcall/client';
import { expect } from 'chai';
import { lockOn, POLICY, until, wireError } from './support/fake-broker.js';
import { RESOURCE, SdkBench } from './support/sdk.js';

const { leaseMs } = POLICY;

describe('SDK: a node that has lost its store', () => {
  let bench: SdkBench;
  let client: LastcallClient;

  beforeEach(async () => {
    bench = await SdkBench.start();
    client = await bench.connected();
    bench.broker.answer('heartbeat', () => wireError('unavailable', { retryAfterMs: 2_000 }));
  });
  afterEach(() => bench.stop());

  /** Beats, each answered with a heartbeat that fails. */
  async function fail(times: number): Promise<void> {
    for (let n = 0; n < times; n += 1) {
      const before = bench.broker.said('heartbeat').length;
      bench.broker.beat();
      await until(() => bench.broker.said('heartbeat').length > before);
      // A round trip, which the move to another node may cut short: then the answer was heard, too.
      await client.query(RESOURCE).catch(() => undefined);
    }
  }

  it('[K13] is left for another one after two such heartbeats, without a moment in between', async () => {
    const handle = await bench.held(client);
    bench.broker.welcome = { locks: [lockOn(RESOURCE, 7)] };
    const statuses = new Set<string>();
    client.subscribe(() => statuses.add(client.getSnapshot().status));
    await fail(1);
    expect(bench.broker.handshakes).to.have.length(1);
    await fail(1);
    await until(() => bench.broker.handshakes.length === 2);
    await until(() => bench.broker.sockets === 1);
    expect(bench.broker.handshakes[1]).to.deep.include({ resume: { sessionId: 'session-1', key: 'key-1' } });
    bench.broker.answer('heartbeat', () => ({ leaseMs }));
    await fail(1);
    expect(client.getSnapshot()).to.include({ status: 'online', error: undefined });
    expect([...statuses]).to.deep.equal(['online']);
    expect(handle.state).to.equal('held');
  });

  it('[K13] [P6] is kept when no other one is better off, and others are tried ever more rarely', async () => {
    bench.broker.refuse = () => wireError('unavailable', { retryAfterMs: 2_000 });
    await fail(17);
    // At the 2nd, 4th, 8th and 16th.
    await until(() => bench.broker.handshakes.length === 5);
    await until(() => bench.broker.sockets === 1);
    expect(client.getSnapshot().status).to.equal('online');
    expect(client.getSnapshot().error?.code).to.equal('unavailable');
    bench.broker.answer('heartbeat', () => ({ leaseMs }));
    await fail(1);
    await until(() => client.getSnapshot().error === undefined);
    expect(bench.broker.handshakes).to.have.length(5);
  });

  it('[K13] may tell of the move itself: that is no end', async () => {
    bench.broker.mute = true;
    const statuses = new Set<string>();
    client.subscribe(() => statuses.add(client.getSnapshot().status));
    await fail(2);
    await until(() => bench.broker.sockets === 2);
    bench.broker.pushToFirst('superseded', {});
    await until(() => bench.broker.sockets === 1);
    bench.broker.push('welcome', bench.broker.welcomeFor({ sessionId: 'session-1', key: 'key-1' }));
    await until(() => client.getSnapshot().error === undefined);
    expect([...statuses]).to.deep.equal(['online']);
    expect(bench.broker.handshakes).to.have.length(2);
  });

  it('[K13] [K2] may tell of the move and not welcome it: the session is taken back', async () => {
    bench.broker.mute = true;
    await fail(2);
    await until(() => bench.broker.sockets === 2);
    bench.broker.pushToFirst('superseded', {});
    await until(() => bench.broker.sockets === 1);
    bench.broker.mute = false;
    bench.clock.advance(2_000);
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online');
    expect(bench.broker.handshakes).to.have.length(3);
  });

  it('[K2] [K13] [P6] may carry the move out later, when it had been given up: the session is taken back', async () => {
    bench.broker.refuse = () => wireError('unavailable', { retryAfterMs: 2_000 });
    await fail(2);
    await until(() => bench.broker.handshakes.length === 2);
    bench.broker.refuse = () => undefined;
    bench.broker.answer('heartbeat', () => ({ leaseMs }));
    await fail(1);
    bench.broker.push('superseded', {});
    await until(() => client.getSnapshot().status === 'reconnecting');
    bench.clock.advance(1_000);
    await until(() => client.getSnapshot().status === 'online');
    expect(bench.broker.handshakes[2]).to.deep.include({ resume: { sessionId: 'session-1', key: 'key-1' } });
    // It was one attempt: whoever takes the session now is another window.
    bench.broker.push('superseded', {});
    await until(() => client.getSnapshot().status === 'closed');
    expect(client.getSnapshot().error?.code).to.equal('superseded');
  });

  it('[K13] has carried out what it would long after it answers again: then it is another window', async () => {
    bench.broker.refuse = () => wireError('unavailable', { retryAfterMs: 2_000 });
    await fail(2);
    await until(() => bench.broker.handshakes.length === 2);
    bench.broker.answer('heartbeat', () => ({ leaseMs }));
    await fail(1);
    bench.clock.advance(POLICY.beatMs);
    await fail(1);
    bench.broker.push('superseded', {});
    await until(() => client.getSnapshot().status === 'closed');
  });

  it('[K13] is kept when the other one says nothing', async () => {
    bench.broker.mute = true;
    await fail(2);
    await until(() => bench.broker.sockets === 2);
    bench.clock.advance(15_000);
    await until(() => bench.broker.sockets === 1);
    expect(client.getSnapshot().status).to.equal('online');
  });

  it('[K13] [S7] does not know that the session has ended; the other one does', async () => {
    const ended = { reason: 'admin', by: { kind: 'admin' }, message: 'Bye', endedAt: 1 } as const;
    bench.broker.refuse = () => wireError('session_ended', { terminal: true, ended });
    await fail(1);
    bench.broker.beat();
    await until(() => client.getSnapshot().status === 'ended');
    expect(client.getSnapshot().ended).to.include({ reason: 'admin', message: 'Bye' });
  });
});
