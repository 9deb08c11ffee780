import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { needsRedisServer, type Observer, observer, type RedisServer, startRedis } from './support/redis.js';
import { read } from './support/sources.js';
import { waitUntil } from './support/wait.js';

const PASSWORD = 'b7c1e0d94f';

/** What the user of the shipped file may not do, whoever gets hold of its password. */
const FORBIDDEN: readonly (readonly string[])[] = [
  ['KEYS', '*'],
  ['SCAN', '0'],
  ['RANDOMKEY'],
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['GET', 'other'],
  ['SET', 'other', '1'],
  ['RENAME', 'lc:{a}:rev', 'other'],
  ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'lc:{a}:rev'],
  ['FCALL', 'stray_get', '1', 'other'],
  ['FCALL', 'stray_other', '1', 'lc:{a}:rev'],
  ['FCALL', 'stray_keys', '1', 'lc:{a}:rev'],
  ['SSUBSCRIBE', 'other'],
  ['SPUBLISH', 'other', 'news'],
  ['SUBSCRIBE', 'lc:{a}:log'],
  ['PUBLISH', 'other', 'news'],
  ['CONFIG', 'GET', '*'],
  ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru'],
  ['ACL', 'LIST'],
  ['SCRIPT', 'FLUSH'],
  ['FUNCTION', 'FLUSH'],
  ['CLIENT', 'LIST'],
  ['CLIENT', 'KILL', 'TYPE', 'normal'],
  ['MONITOR'],
  ['DEBUG', 'SLEEP', '0'],
  ['SHUTDOWN', 'NOSAVE'],
  ['REPLICAOF', 'NO', 'ONE'],
  ['BGREWRITEAOF'],
  ['SWAPDB', '0', '1'],
  ['MODULE', 'LIST'],
];

/** Functions that whoever has the password could give Redis. */
const STRAY = `#!lua name=stray
redis.register_function('stray_get', function(keys) return redis.call('GET', keys[1]) end)
redis.register_function('stray_other', function() return redis.call('GET', 'other') end)
redis.register_function('stray_keys', function() return redis.call('KEYS', '*') end)`;

describe('the shipped user of Redis', function () {
  this.timeout(30_000);
  let folder: string;
  let redis: RedisServer;
  let user: Observer;
  let url: string;

  before(async function () {
    needsRedisServer(this, 'a broker under the shipped rights');
    folder = mkdtempSync(join(tmpdir(), 'lastcall-acl-'));
    const aclfile = join(folder, 'users.acl');
    writeFileSync(aclfile, read('deploy/redis/users.acl.template').replace('PASSWORD', PASSWORD));
    redis = await startRedis({ config: { aclfile } });
    url = `redis://lastcall:${PASSWORD}@127.0.0.1:${redis.port}`;
    user = await observer(url);
    await user.functionLoad(STRAY);
  });
  after(async () => {
    user?.destroy();
    await redis?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  for (const command of FORBIDDEN) {
    it(`[N9] S60 may not ${command.join(' ')}`, async () => {
      const error: unknown = await user.sendCommand([...command]).catch((reason: unknown) => reason);
      expect(error, 'an error').to.be.instanceOf(Error);
      expect((error as Error).message).to.match(/NOPERM|user executing the script can|not allowed/);
    });
  }

  it('[N9] may ask whether replicas have what was written', async () => {
    expect(await user.sendCommand(['WAIT', '0', '1'])).to.equal(0);
  });

  it('[N9] S60 is the only one', async () => {
    const anybody = await observer(`redis://127.0.0.1:${redis.port}`).catch((reason: unknown) => reason);
    expect(anybody).to.be.instanceOf(Error);
  });

  it('[N9] [A6] is all that two brokers need: sessions, locks, orders, blocks, records, settings', async () => {
    const [here, there] = [
      await TestBroker.start({ redisUrl: url }),
      await TestBroker.start({ redisUrl: url }),
    ];
    try {
      await work(here, there);
    } finally {
      await Promise.all([here.close(), there.close()]);
    }
  });

  async function work(here: TestBroker, there: TestBroker): Promise<void> {
    const tenant = freshTenant();
    const admin = administrator(tenant);
    const { ok, checks } = await here.broker.health.ready();
    expect(ok, JSON.stringify(checks)).to.equal(true);
    await here.policy(tenant, { flushMs: 1_000 });
    const ada = await here.connect(tenant, 'ada');
    const grace = await there.connect(tenant, 'grace');
    const taken = await ada.acquire('invoices/1');
    expect(taken).to.include({ ok: true, state: 'granted' });
    const wish = await grace.acquire('invoices/1', 10_000);
    expect(wish).to.include({ ok: true, state: 'queued' });
    expect(await ada.heartbeat({ dirty: true, view: 'invoice 1' })).to.include({ ok: true });
    await ada.drop();
    const back = await there.connect(tenant, 'ada', { auth: { resume: ada.resume } });
    expect(back.welcome.resumed).to.equal(true);

    const request = {
      action: 'logoff',
      target: { users: ['ada'] },
      message: 'Good night.',
      reason: 'admin',
      reentry: { denyMs: 60_000 },
      graceMs: 100,
      holdMs: 0,
    } as const;
    const order = await here.core.orders.create(admin, tenant, request);
    await back.saw('logoff');
    await grace.saw('lock:granted');
    const isDone = async () => (await here.core.orders.get(tenant, order.id)).state === 'done';
    await waitUntil(isDone, 'the order to be done', 10_000);
    expect((await here.core.orders.receipts(tenant, order.id, { limit: 10 })).items[0]).to.include({
      verified: true,
    });
    expect((await there.connect(tenant, 'ada')).error?.code).to.equal('blocked');
    expect((await here.core.blocks.list(tenant, {}, { limit: 10 })).items).to.have.length(1);
    expect((await here.core.sessions.list(tenant, {}, { limit: 10 })).items).to.have.length(1);
    expect((await here.core.audit.list(tenant, {}, { limit: 100 })).items.length).to.be.at.least(8);
    expect((await here.core.locks.list(tenant, {}, { limit: 10 })).items).to.have.length(1);
  }
});
