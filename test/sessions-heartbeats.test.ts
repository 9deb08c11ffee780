import { LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, TestBroker } from './support/broker.js';
import { sessionOf } from './support/faults.js';
import { Observed, observing } from './support/observed.js';
import { waitUntil } from './support/wait.js';

describe('heartbeats', () => {
  const bench = observing(new Observed());

  it('[S4] renew the lease in Redis before they are answered', async () => {
    const ada = await bench.broker.connect(bench.tenant, 'ada');
    const key = `lc:{${bench.tenant}}:lease:${ada.sessionId}`;
    await bench.redis.pExpire(key, 1_000);
    expect(await ada.heartbeat({ view: 'invoices' })).to.deep.equal({ ok: true, leaseMs: 60_000 });
    expect(await bench.redis.pTTL(key)).to.be.within(50_000, 60_000);
    expect(await bench.redis.get(key)).to.match(/\|invoices$/);
    expect(
      await bench.redis.ttl(`lc:{${bench.tenant}}:session:${ada.sessionId}`),
      'the session itself stays',
    ).to.equal(-1);
  });

  it('[S4] of an older attachment change nothing', async () => {
    const identity = administrator(bench.tenant, 'ada');
    const { sessions, heartbeats } = bench.broker.core;
    const older = await sessions.open(identity, { address: '192.0.2.1' });
    const { sessionId, resumeKey: key } = older.attachment;
    const newer = await sessions.open(identity, { address: '192.0.2.1', resume: { sessionId, key } });
    const lease = (): Promise<string | null> => bench.redis.get(`lc:{${bench.tenant}}:lease:${sessionId}`);
    const before = await lease();
    const late = await heartbeats.beat(older.attachment, { idleMs: 0, view: 'old' }).catch((error) => error);
    expect(late).to.include({ code: 'superseded' });
    expect(await lease()).to.equal(before);
    expect(await heartbeats.beat(newer.attachment, { idleMs: 0, view: 'new' })).to.deep.equal({
      leaseMs: 60_000,
    });
    await Promise.all([older, newer].map(({ attachment }) => sessions.detach(attachment)));
  });

  it('[S4] [S3] a socket that was superseded unnoticed learns it from its heartbeat, after the answer', async () => {
    const ada = await bench.broker.connect(bench.tenant, 'ada', { answersBeats: false });
    // As if another node had it and the news were lost.
    const key = `lc:{${bench.tenant}}:lease:${ada.sessionId}`;
    await bench.redis.set(key, ((await bench.redis.get(key)) ?? '').replace(/^1/, '2'), { KEEPTTL: true });
    expect(await ada.refused('heartbeat', { idleMs: 0 })).to.include({
      code: 'superseded',
      terminal: true,
    });
    await ada.saw('superseded');
  });

  it('[S4] [O12] after the end bring nothing back', async () => {
    await bench.broker.policy(bench.tenant, { flushMs: 500 });
    const ada = await bench.broker.connect(bench.tenant, 'ada', { acknowledges: false, answersBeats: false });
    await bench.broker.core.sessions.end(bench.tenant, ada.sessionId, {
      reason: 'admin',
      by: { kind: 'admin', id: 'root' },
    });
    const error = await ada.refused('heartbeat', { idleMs: 0 });
    expect(error).to.include({ code: 'session_ended', terminal: true });
    expect(await bench.redis.exists(`lc:{${bench.tenant}}:lease:${ada.sessionId}`)).to.equal(0);
    expect((await sessionOf(bench.broker, bench.tenant, ada)).state).to.equal('ended');
    expect((await ada.saw('logoff')).reason).to.equal('admin');
  });

  it('[S10] never move the last input back, nor before the opening', async () => {
    const ada = await bench.broker.connect(bench.tenant, 'ada', { answersBeats: false });
    const inputAt = async (idleMs: number): Promise<number> => {
      await ada.does('heartbeat', { idleMs });
      return (await sessionOf(bench.broker, bench.tenant, ada)).lastInputAt;
    };
    const { openedAt } = await sessionOf(bench.broker, bench.tenant, ada);
    expect(await inputAt(5_000_000)).to.equal(openedAt);
    const latest = await inputAt(0);
    expect(latest).to.be.at.least(openedAt);
    expect(await inputAt(100_000)).to.equal(latest);
  });

  it('[S15] [A4] are asked for at the pace of a changed policy, though it could not be read at once', async () => {
    const ada = await bench.broker.connect(bench.tenant, 'ada');
    const { policies } = bench.broker.core;
    const get = policies.get.bind(policies);
    let failures = 2;
    policies.get = async (name) => {
      failures -= name === bench.tenant ? 1 : 0;
      if (name === bench.tenant && failures >= 0) throw new LastcallError('unavailable', 'Redis is away.');
      return await get(name);
    };
    const other = await TestBroker.start();
    try {
      await other.policy(bench.tenant, { beatMs: 1_000 });
      expect((await ada.saw('policy')).beatMs).to.equal(1_000);
      let beats = 0;
      ada.socket.on('beat', () => {
        beats += 1;
      });
      await waitUntil(() => beats > 1, 'two beats', 4_000);
    } finally {
      policies.get = get;
      await other.close();
    }
    expect(failures).to.be.below(0);
  });
});
