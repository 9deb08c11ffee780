import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { administrator, TestBroker, TestClient } from './support/broker.js';
import {
  application,
  BRIEF,
  bench,
  brokerOn,
  type Cleanups,
  cleaned,
  endsIn,
  sessionOf,
  take,
} from './support/faults.js';
import { outlastRedis, restartRedis } from './support/faults-redis.js';
import { checkHistory, historyOf } from './support/history.js';
import { expectRunOut, lastBeatOf } from './support/lease.js';
import { startOldRedis } from './support/old-redis.js';
import { useParallel } from './support/parallel.js';
import { BrokerProcess } from './support/process.js';
import { needsRedisServer, observer, redisServerAvailable, startRedis } from './support/redis.js';
import { waitUntil } from './support/wait.js';

/** Why a broker does not start. */
async function startFailure(redisUrl: string): Promise<string> {
  try {
    const broker = await TestBroker.start({ redisUrl });
    await broker.close();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it started');
}

/** What needs a redis-server is left out without one, as the hook of its suite says. */
function withServer(run: (cleanups: Cleanups) => Promise<void>): (cleanups: Cleanups) => Promise<void> {
  return (cleanups) => (redisServerAvailable() ? run(cleanups) : Promise.resolve());
}

describe('faults', () => {
  const parallel = useParallel();

  it(
    '[P1] [L8] [S5] a killed client: its session ends with its lease, its lock passes on in that instant',
    parallel(
      cleaned(async (cleanups) => {
        const { broker, tenant } = await bench(cleanups);
        const victim = await application(broker, tenant, 'ada', cleanups);
        const waiter = await broker.connect(tenant, 'grace');
        await victim.does({ verb: 'lock', resource: 'invoices/1' });
        const requestId = randomUUID();
        await waiter.acquire('invoices/1', 60_000, requestId);
        await victim.kill();
        const { sessionId } = victim;
        const lastBeatAt = await lastBeatOf(broker.core, tenant, sessionId);
        const end = await expectRunOut(broker.core, { ...BRIEF, tenant, sessionId, lastBeatAt });
        await waiter.saw('lock:granted', (granted) => granted.requestId === requestId);
        const passed = (await historyOf(broker.core, tenant)).filter(({ rev }) => rev > end.rev).slice(0, 2);
        expect(passed.map(({ type, at, rev, sessionId: of }) => ({ type, at, rev, of }))).to.deep.equal([
          { type: 'lock.lost', at: end.at, rev: end.rev + 1, of: sessionId },
          { type: 'lock.granted', at: end.at, rev: end.rev + 2, of: waiter.sessionId },
        ]);
        await checkHistory(broker.core, tenant);
      }),
    ),
  );

  it(
    '[P1] [S7] a frozen client: ended with its lease, cut off, and told when it wakes',
    parallel(
      cleaned(async (cleanups) => {
        const { broker, tenant } = await bench(cleanups);
        const frozen = await application(broker, tenant, 'ada', cleanups);
        await frozen.does({ verb: 'lock', resource: 'invoices/1' });
        frozen.pause();
        const { sessionId } = frozen;
        const lastBeatAt = await lastBeatOf(broker.core, tenant, sessionId);
        await expectRunOut(broker.core, { ...BRIEF, tenant, sessionId, lastBeatAt });
        const successor = await broker.connect(tenant, 'grace');
        await take(successor, 'invoices/1');
        frozen.resume();
        await waitUntil(() => frozen.view.status === 'ended', 'the woken client to know', 15_000);
        expect(frozen.view.ended).to.include({ reason: 'unresponsive' });
        expect(frozen.view.locks.filter(({ state }) => state === 'held')).to.deep.equal([]);
      }),
    ),
  );

  it(
    '[S3] [O3] [O9] two brokers: what happens on one is known on the other',
    parallel(
      cleaned(async (cleanups) => {
        const { broker: here, url, tenant } = await bench(cleanups);
        const there = await brokerOn(url, cleanups);
        const older = await here.connect(tenant, 'ada');
        const fence = await take(older, 'invoices/1');
        const newer = await there.connect(tenant, 'ada', { auth: { resume: older.resume } });
        await older.saw('superseded');
        expect(newer.welcome.locks[0]).to.include({ fence });
        expect((await sessionOf(here, tenant, newer)).node).to.equal(there.core.nodes.id);
        const order = await here.core.orders.create(administrator(tenant), tenant, {
          action: 'logoff',
          target: { all: true },
          message: 'Please save your work.',
          reason: 'admin',
          graceMs: 300,
          holdMs: 0,
        });
        await newer.saw('warning');
        await newer.saw('logoff');
        const isDone = async () => (await there.core.orders.get(tenant, order.id)).state === 'done';
        await waitUntil(isDone, 'the order to be done', 10_000);
        const [receipt] = (await there.core.orders.receipts(tenant, order.id, { limit: 10 })).items;
        expect(receipt).to.include({ sessionId: newer.sessionId, verified: true, outcome: 'forced' });
        await checkHistory(here.core, tenant);
      }),
    ),
  );

  it(
    '[S3] [S4] a frozen broker that wakes takes nothing back',
    parallel(
      cleaned(async (cleanups) => {
        const { broker, url, tenant } = await bench(cleanups);
        const frozen = await BrokerProcess.start({ redisUrl: url });
        cleanups.add(() => frozen.remove());
        const older = new TestClient(frozen.url, { token: await frozen.token(tenant, 'ada') });
        cleanups.add(() => older.socket.disconnect());
        await older.opened();
        const fence = await take(older, 'invoices/1');
        frozen.pause();
        const late = older.heartbeat({ view: 'old' });
        late.catch(() => undefined);
        const newer = await broker.connect(tenant, 'ada', { auth: { resume: older.resume } });
        await newer.heartbeat({ view: 'new' });
        frozen.resume();
        await older.saw('superseded', () => true, 10_000);
        expect(await late.catch(() => ({ ok: false })), 'its late heartbeat').to.include({ ok: false });
        await waitUntil(() => older.disconnected, 'the old socket to be closed');
        expect(await newer.heartbeat()).to.include({ ok: true });
        expect(await sessionOf(broker, tenant, newer)).to.include({
          state: 'active',
          view: 'new',
          node: broker.core.nodes.id,
        });
        expect(await newer.does('lock:check', { resource: 'invoices/1', fence })).to.include({ valid: true });
        expect(newer.last('superseded')).to.equal(undefined);
      }),
    ),
  );

  it(
    '[S13] [P2] emptied under connected clients: sessions are opened anew, clients told, fences still rise',
    parallel(
      cleaned(async (cleanups) => {
        const { broker, url, tenant } = await bench(cleanups);
        const redis = await observer(url);
        cleanups.add(() => redis.destroy());
        const first = await broker.connect(tenant, 'ada');
        const fence = await take(first, 'invoices/1');
        const ada = await broker.connect(tenant, 'ada', { auth: { resume: first.resume } });
        const grace = await broker.connect(tenant, 'grace');
        const { epoch = 0 } = (await historyOf(broker.core, tenant)).at(-1) ?? {};
        for (const client of [ada, grace]) client.pushes.length = 0;
        await redis.flushAll();
        const early = await grace.refused('lock:acquire', {
          resource: 'invoices/1',
          requestId: randomUUID(),
        });
        expect(early, 'to be tried again').to.include({ code: 'unavailable' });
        for (const client of [ada, grace]) {
          const welcome = await client.saw('welcome', () => true, 20_000);
          expect(welcome.locks).to.deep.equal([]);
          expect(client.disconnected).to.equal(false);
          expect((await sessionOf(broker, tenant, client)).state).to.equal('active');
          expect(await client.heartbeat()).to.include({ ok: true });
        }
        expect(ada.sessionId, 'the session it was').to.equal(first.sessionId);
        expect(await take(grace, 'invoices/1')).to.be.greaterThan(fence);
        const records = await historyOf(broker.core, tenant);
        expect(records[0]?.epoch).to.be.greaterThan(epoch);
        expect(endsIn(records)).to.deep.equal([]);
        await ada.drop();
        const back = await broker.connect(tenant, 'ada', { auth: { resume: ada.resume } });
        expect(back.welcome.resumed, 'its key is still good').to.equal(true);
      }),
    ),
  );

  it(
    '[A5] one that is too old is refused at the start, with what to do',
    parallel(
      cleaned(async (cleanups) => {
        const old = await startOldRedis();
        cleanups.add(() => old.stop());
        expect(await startFailure(old.url)).to.match(/Redis 6\.2\.14 is too old.*Upgrade to Redis 7\.0/);
      }),
    ),
  );

  describe('of a redis-server', () => {
    before(function () {
      needsRedisServer(this, 'a Redis that is stopped, killed or set up wrongly');
    });
    it(
      '[P6] [S8] [S6] stopped for twice the lease: nobody is logged off, all goes on by itself',
      parallel(cleaned(withServer(outlastRedis))),
    );

    it(
      '[P5] [A7] killed and started again: what was acknowledged is there, the scripts too',
      parallel(cleaned(withServer(restartRedis))),
    );

    it(
      '[A5] one that may evict keys is refused at the start, with what to do',
      parallel(
        cleaned(
          withServer(async (cleanups) => {
            const redis = await startRedis({
              config: { maxmemory: '64mb', 'maxmemory-policy': 'volatile-ttl' },
            });
            cleanups.add(() => redis.stop());
            const message = await startFailure(redis.url);
            expect(message)
              .to.include('volatile-ttl')
              .and.match(/Set maxmemory-policy noeviction/);
          }),
        ),
      ),
    );
  });
});
