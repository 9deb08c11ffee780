import { expect } from 'chai';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { BRIEF } from './support/faults.js';
import { historyOf } from './support/history.js';
import { endOf, gapsIn } from './support/lease.js';
import { observer } from './support/redis.js';
import { ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';

describe('a sweep with more to do than one script may', () => {
  it('[S8] [P1] a session that it did not come to before a gap is not ended for the gap', async () => {
    const store = await ownStore();
    const tenant = freshTenant();
    const first = await TestBroker.start({ redisUrl: store.url });
    await first.policy(tenant, BRIEF);
    const opened = await first.core.sessions.open(administrator(tenant, 'ada'), { address: '192.0.2.1' });
    const { sessionId } = opened.attachment;
    const { openedAt } = await first.core.sessions.get(tenant, sessionId);
    await first.close();
    const redis = await observer(store.url);
    // It was due for something else when that sweep had done its share, and its lease ran.
    await redis.zAdd(`lc:{${tenant}}:due`, { score: openedAt - 100, value: `s:${sessionId}` });
    await redis.set(`lc:{${tenant}}:swept`, `${openedAt + 1}+`);
    const hasRunOut = async () => (await redis.exists(`lc:{${tenant}}:lease:${sessionId}`)) === 0;
    await waitUntil(hasRunOut, 'the lease to run out', 10_000);
    const second = await TestBroker.start({ redisUrl: store.url });
    const end = await endOf(second.core, tenant, sessionId);
    const [gap] = gapsIn(await historyOf(second.core, tenant));
    const { from = 0, to = 0 } = gap ?? {};
    expect(to - from, 'the gap').to.be.at.least(1_000);
    expect(end.at - to, 'its end after the gap').to.be.at.least(to - from);
    redis.destroy();
    await second.close();
    await store.stop();
  }).timeout(40_000);
});
