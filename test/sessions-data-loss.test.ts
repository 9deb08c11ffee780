import { expect } from 'chai';
import { backedUp } from './support/backup.js';
import { type TestClient } from './support/broker.js';
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
});
