import { expect } from 'chai';
import { isUnavailable } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { freshTenant } from './support/broker.js';
import { type RedisCluster, startCluster } from './support/cluster.js';
import { connected, useDriverHooks } from './support/driver.js';
import { needsRedisServer } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const ASKED = 8;

describe('the Redis driver, when a slot moves to a primary that had none', function () {
  this.timeout(60_000);
  let cluster: RedisCluster;
  useDriverHooks();

  before(async function () {
    needsRedisServer(this, 'a slot that moves to a primary without slots');
    cluster = await startCluster(3, 1);
  });
  after(() => cluster?.stop());

  it('[A21] answers what it can, says of the rest that it cannot, and fails nothing unheard', async () => {
    const driver = await connected(cluster.url);
    const store = new Store(driver);
    await store.load();
    const tenant = freshTenant();
    const ask = (): Promise<unknown> => store.run('lock_held', tenant, ['nobody']);
    await store.run('audit_write', tenant, ['policy.changed', '{}', '{}']);
    const { slot, owner } = await cluster.ownerOf(`lc:{${tenant}}:rev`);
    const [joined] = cluster.servers.slice(-1) as [(typeof cluster.servers)[number]];
    await cluster.move(slot, owner, joined, async () => {
      for (let i = 0; i < ASKED; i += 1) {
        await ask().catch((error: unknown) =>
          expect(isUnavailable((error as Error).cause), String(error)).to.equal(true),
        );
      }
    });
    await waitUntil(
      () =>
        ask().then(
          () => true,
          () => false,
        ),
      'the slot where it is now',
      10_000,
    );
  });
});
