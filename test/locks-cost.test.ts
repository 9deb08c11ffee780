import { randomUUID } from 'node:crypto';
import type { LockScope } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { queue, take } from './support/locks.js';
import { type Observer, observer } from './support/redis.js';
import { type OwnStore, ownStore } from './support/store.js';

const TIMES = 60;
const HOLDERS = 40;
const LOCKS_EACH = 50;
/** The sweeps that run meanwhile cost something, too. */
const TOLERANCE = 1.1;

describe('what a lock costs', () => {
  let store: OwnStore;
  let broker: TestBroker;
  let redis: Observer;
  let ada: TestClient;
  const tenant = freshTenant();

  before(async () => {
    store = await ownStore();
    broker = await TestBroker.start({ redisUrl: store.url });
    redis = await observer(store.url);
    ada = await broker.connect(tenant, 'ada');
  });
  after(async () => {
    redis?.destroy();
    await broker?.close();
    await store?.stop();
  });

  /** How many commands Redis did so far, those in scripts included. */
  async function commands(): Promise<number> {
    const stats = await redis.info('commandstats');
    return [...stats.matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
  }

  /** The commands of one acquisition with its release, on average. */
  async function costOf(resource: string, scope: LockScope = 'record'): Promise<number> {
    const { locks } = broker.core;
    const asker = { sessionId: ada.sessionId, attach: 1, mayForce: false };
    const before = await commands();
    for (let i = 0; i < TIMES; i += 1) {
      const answer = await locks.acquire(tenant, asker, { resource, scope, requestId: randomUUID() });
      if (answer.state !== 'granted') throw new Error(`${resource} was not granted`);
      await locks.release(tenant, ada.sessionId, resource, answer.lock.fence);
    }
    return ((await commands()) - before) / TIMES;
  }

  it('[L25] is the same with few locks in a tenant and with thousands, above, beside and below', async () => {
    const record = await costOf('books/x/lines/7');
    const tree = await costOf('books/y/lines', 'tree');
    for (let i = 0; i < HOLDERS; i += 1) {
      const holder = await broker.connect(tenant, `user-${i}`);
      const wish = { mode: 'shared' } as const;
      await take(holder, 'books/shared', wish);
      const resources = Array.from({ length: LOCKS_EACH }, (_, n) => ({
        resource: `books/${i}/lines/${n}`,
        ...wish,
      }));
      await broker.core.locks.acquireMany(
        tenant,
        { sessionId: holder.sessionId, attach: 1, mayForce: false },
        { resources, requestId: randomUUID() },
      );
    }
    const writers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => broker.connect(tenant, `writer-${i}`)),
    );
    for (const writer of writers) await queue(writer, 'books/shared');
    expect(await broker.core.locks.count(tenant)).to.equal(HOLDERS * LOCKS_EACH + 1);
    expect(await costOf('books/x/lines/7')).to.be.at.most(record * TOLERANCE);
    expect(await costOf('books/y/lines', 'tree')).to.be.at.most(tree * TOLERANCE);
    // Writers wait below, so that a reader of the whole is told to wait behind them.
    const refused = await ada.refused('lock:acquire', {
      resource: 'books',
      scope: 'tree',
      mode: 'shared',
      requestId: randomUUID(),
    });
    expect(refused.code).to.equal('locked');
  });

  it('[L25] grows with the depth of the path, to eight', async () => {
    const flat = await costOf('a');
    const deep = await costOf('a/b/c/d/e/f/g/h');
    expect(deep).to.be.greaterThan(flat);
    expect((deep - flat) / 7, 'commands for each resource above').to.be.at.most(14);
  });
});
