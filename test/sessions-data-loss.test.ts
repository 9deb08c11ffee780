import { expect } from 'chai';
import { backedUp } from './support/backup.js';
import { administrator, type TestClient } from './support/broker.js';
import { historyOf } from './support/history.js';
import { take } from './support/locks.js';
import { Observed, observing } from './support/observed.js';

describe('sessions whose data came back older', () => {
  const bench = observing(new Observed());
  let first: TestClient;

  beforeEach(async () => {
    first = await bench.broker.connect(bench.tenant, 'ada');
  });

  const resumed = async (): Promise<TestClient> => {
    const client = await bench.broker.connect(bench.tenant, 'ada', { auth: { resume: first.resume } });
    expect(client.sessionId).to.equal(first.sessionId);
    return client;
  };

  const attachesOf = async (): Promise<readonly number[]> =>
    (await historyOf(bench.broker.core, bench.tenant)).flatMap(({ type, details }) =>
      type === 'session.resumed' ? [Number(details?.['attach'])] : [],
    );

  it('[S13] [S4] go on over the socket that they were resumed by in what was lost', async () => {
    const restore = await backedUp(bench.redis, bench.broker.core, bench.tenant);
    const second = await resumed();
    const [lost] = await attachesOf();
    await restore();
    // Before its first heartbeat, too.
    await take(second, 'books/1');
    expect((await second.heartbeat()).ok).to.equal(true);
    expect(second.all('superseded')).to.deep.equal([]);
    expect(await attachesOf()).to.deep.equal([lost]);
    expect((await bench.broker.core.sessions.get(bench.tenant, first.sessionId)).state).to.equal('active');
  });

  it('[S3] [S13] are not taken back by a socket of what was lost once they were resumed', async () => {
    const restore = await backedUp(bench.redis, bench.broker.core, bench.tenant);
    const second = await resumed();
    await restore();
    const third = await resumed();
    await second.saw('superseded');
    await third.heartbeat();
    await take(third, 'books/1');
    expect(third.all('superseded')).to.deep.equal([]);
    expect((await bench.broker.core.sessions.get(bench.tenant, first.sessionId)).state).to.equal('active');
  });

  it('[S3] [S4] are not shared by a socket that opened them anew, late, after they were resumed', async () => {
    const { broker, tenant } = bench;
    const { sessions } = broker.core;
    const user = { id: 'grace', name: 'Grace', roles: ['user'] };
    const about = { address: '192.0.2.1' };
    const identity = { ...administrator(tenant), user };
    const older = (await sessions.open(identity, about)).attachment;
    const resume = { sessionId: older.sessionId, key: older.resumeKey };
    const newer = (await sessions.open(identity, { ...about, resume })).attachment;
    // The answer to its first attempt was lost: it is asked for once more.
    const refusal = await sessions.reopen(older).catch((error: unknown) => error);
    expect(refusal).to.include({ code: 'superseded' });
    expect(older.attach).to.be.below(newer.attach);
    await sessions.detach(older);
    expect((await sessions.get(tenant, older.sessionId)).state).to.equal('active');
    await sessions.detach(newer);
    expect((await sessions.get(tenant, older.sessionId)).state).to.equal('disconnected');
  });
});
