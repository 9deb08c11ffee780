import type { AuditRecord } from '@lastcall/shared';
import { expect } from 'chai';
import { Bus } from 'lastcall/internal/redis/bus.js';
import { connectRedis } from 'lastcall/internal/redis/driver.js';
import { logKey } from 'lastcall/internal/redis/keys.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { freshTenant, TestBroker } from './support/broker.js';
import { historyOf } from './support/history.js';
import { needsRedisServer, type Observer, observer, startRedis } from './support/redis.js';
import { type OwnStore, ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';

const SYSTEM = { kind: 'system' } as const;

describe('the bus', () => {
  let store: OwnStore;
  let redis: Observer;
  let brokers: readonly [TestBroker, TestBroker];
  let tenant: string;
  const cleanups: (() => unknown)[] = [];

  before(async () => {
    store = await ownStore();
    redis = await observer(store.url);
    brokers = [
      await TestBroker.start({ redisUrl: store.url }),
      await TestBroker.start({ redisUrl: store.url }),
    ];
  });
  after(async () => {
    await Promise.all(brokers.map((broker) => broker.close()));
    redis.destroy();
    await store.stop();
  });
  beforeEach(() => {
    tenant = freshTenant();
  });
  afterEach(async () => {
    while (cleanups.length > 0) await cleanups.pop()?.();
  });

  /** What a broker hears of the tenant from now on. */
  async function hearing({ core: { bus } }: TestBroker): Promise<AuditRecord[]> {
    const heard: AuditRecord[] = [];
    await bus.follow(tenant);
    const stop = bus.listen((of, record) => void (of === tenant && heard.push(record)));
    cleanups.push(stop, () => bus.unfollow(tenant));
    return heard;
  }

  /** Writes one record. */
  const note = (broker: TestBroker, reason: string): Promise<void> =>
    broker.core.audit.note(tenant, 'audit.read', SYSTEM, { reason });

  async function write(count: number): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, (_, i) => note(brokers[i % 2 === 0 ? 0 : 1], `record ${i}`)),
    );
  }

  const revsOf = (records: readonly AuditRecord[]): number[] => records.map(({ rev }) => rev);

  it('[A2] every node hears each record once and in order', async () => {
    const heard = await Promise.all(brokers.map(hearing));
    await write(400);
    for (const records of heard) {
      await waitUntil(() => records.length >= 400, 'every record');
      expect(records).to.deep.equal(await historyOf(brokers[0].core, tenant));
    }
  });

  it('[A2] also while its connection is cut again and again', async () => {
    const heard = await Promise.all(brokers.map(hearing));
    const total = 1_000;
    for (let written = 0; written < total; written += 100) {
      await Promise.all([write(100), redis.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub'])]);
    }
    for (const records of heard) {
      await waitUntil(() => records.length >= total, 'every record', 10_000);
      expect(revsOf(records)).to.deep.equal(Array.from({ length: total }, (_, i) => i + 1));
    }
  });

  it('[A2] also when messages are lost without a sign, the last one too', async () => {
    const driver = await connectRedis({ url: store.url });
    cleanups.push(() => driver.close());
    let messages = 0;
    const lossy = {
      subscribe: (channel: string) => driver.subscribe(channel),
      unsubscribe: (channel: string) => driver.unsubscribe(channel),
      onReady: (listener: () => void) => driver.onReady(listener),
      onLost: (listener: (reason: string) => void) => driver.onLost(listener),
      onMessage: (listener: (channel: string, text: string) => void) =>
        driver.onMessage((channel, text) => {
          messages += 1;
          // Of 30 messages the last ones are lost, and every third of the others.
          if (messages <= 27 && messages % 3 !== 0) listener(channel, text);
        }),
    };
    const faults: unknown[] = [];
    const reader = new Store(driver);
    const bus = new Bus(lossy, reader, (error) => faults.push(error));
    const heard: AuditRecord[] = [];
    bus.listen((_of, record) => void heard.push(record));
    await bus.follow(tenant);
    for (let i = 0; i < 30; i += 1) await note(brokers[0], `record ${i}`);
    // Every script answers with the rev, as the sweep's does.
    await waitUntil(async () => {
      const { epoch, rev } = await reader.position(tenant);
      bus.observe(tenant, epoch, rev);
      return heard.length >= 30;
    }, 'every record');
    expect(revsOf(heard)).to.deep.equal(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(faults).to.deep.equal([]);
  });

  it('[A2] a listener that throws keeps nothing from the others', async () => {
    const stop = brokers[0].core.bus.listen(() => {
      throw new Error('a listener of the test');
    });
    cleanups.push(stop);
    const heard = await hearing(brokers[0]);
    await write(3);
    await waitUntil(() => heard.length === 3, 'the records');
  });

  it('[A2] who leaves a tenant and follows it again hears what comes then, once', async () => {
    const { bus } = brokers[0].core;
    for (let round = 0; round < 3; round += 1) {
      const heard = await hearing(brokers[0]);
      const more = await hearing(brokers[0]);
      await write(5);
      await waitUntil(() => heard.length >= 5 && more.length >= 5, 'the records');
      expect(revsOf(heard)).to.deep.equal([1, 2, 3, 4, 5].map((i) => round * 5 + i));
      while (cleanups.length > 0) await cleanups.pop()?.();
      expect(bus.position(tenant)).to.deep.equal({ epoch: 0, rev: 0, at: 0 });
      bus.unfollow(tenant);
    }
  });

  it('[A2] after the loss of all data the records of the new epoch are heard, each once', async () => {
    const heard = await Promise.all(brokers.map(hearing));
    await write(20);
    await Promise.all(heard.map((records) => waitUntil(() => records.length === 20, 'the records before')));
    // More is written before the nodes are back than there was, so that numbers alone tell nothing.
    await redis.flushAll();
    await redis.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
    await write(50);
    for (const records of heard) {
      await waitUntil(() => records.length >= 70, 'the records after');
      expect(revsOf(records.slice(20))).to.deep.equal(Array.from({ length: 50 }, (_, i) => i + 1));
      const [before = 0, after = 0] = [records[0]?.epoch, records[20]?.epoch];
      expect(after).to.be.greaterThan(before);
      expect(new Set(records.slice(20).map(({ epoch }) => epoch)).size).to.equal(1);
    }
  });

  it('[A2] is compared with Redis from where it stood when that got out of reach, until it has been', async () => {
    let lose = (_reason: string): void => undefined;
    let tell = (_channel: string, _text: string): void => undefined;
    let restore = (): void => undefined;
    const listening = <L>(keep: (listener: L) => void) => {
      return (listener: L) => {
        keep(listener);
        return () => undefined;
      };
    };
    const channels = {
      subscribe: () => Promise.resolve(),
      unsubscribe: () => Promise.resolve(),
      onLost: listening((listener: (reason: string) => void) => (lose = listener)),
      onReady: listening((listener: () => void) => (restore = listener)),
      onMessage: listening((listener: (channel: string, text: string) => void) => (tell = listener)),
    };
    const faults: unknown[] = [];
    const driver = await connectRedis({ url: store.url });
    cleanups.push(() => driver.close());
    const bus = new Bus(channels, new Store(driver), (error) => faults.push(error));
    await note(brokers[0], 'before');
    await bus.follow(tenant);
    const before = bus.position(tenant);
    const [first] = await historyOf(brokers[0].core, tenant);
    expect(before).to.deep.equal({ epoch: first?.epoch, rev: 1, at: first?.at });
    lose('of this test');
    const cut = bus.position(tenant);
    expect(cut).to.deep.equal(before);
    await note(brokers[0], 'meanwhile');
    const [, second] = await historyOf(brokers[0].core, tenant);
    tell(logKey(tenant), JSON.stringify([second]));
    bus.compared(tenant, cut);
    expect(bus.position(tenant), 'before Redis is back').to.equal(cut);
    restore();
    expect(bus.position(tenant), 'before it is compared').to.equal(cut);
    bus.compared(tenant, cut);
    expect(bus.position(tenant)).to.deep.equal({ epoch: second?.epoch, rev: 2, at: second?.at });
    expect(faults).to.deep.equal([]);
  });

  it('[A2] after Redis came back with older data a new epoch begins, and its records are heard', async function () {
    needsRedisServer(this, 'a Redis that comes back with older data');
    const server = await startRedis();
    const broker = await TestBroker.start({ redisUrl: server.url });
    const direct = await observer(server.url);
    cleanups.push(
      () => server.stop(),
      () => broker.close(),
      () => direct.destroy(),
    );
    broker.core.sweeper.watch(tenant);
    const heard = await hearing(broker);
    for (let i = 0; i < 10; i += 1) await note(broker, 'kept');
    await direct.sendCommand(['SAVE']);
    for (let i = 0; i < 10; i += 1) await note(broker, 'lost');
    await waitUntil(() => heard.length === 20, 'the records before');
    await server.restart();
    await waitUntil(
      () =>
        note(broker, 'new').then(
          () => true,
          () => false,
        ),
      'Redis to be back',
      10_000,
    );
    await waitUntil(() => heard.some(({ details }) => details?.['lost']), 'the loss to be recorded', 10_000);
    await note(broker, 'newest');
    await waitUntil(() => heard.at(-1)?.reason === 'newest', 'what is new');
    const epoch = heard.at(-1)?.epoch ?? 0;
    expect(epoch).to.be.greaterThan(heard[0]?.epoch ?? 0);
    const after = heard.filter((record) => record.epoch === epoch);
    expect(revsOf(after), 'each once, in order').to.deep.equal(after.map((_, i) => (after[0]?.rev ?? 0) + i));
    expect(after[0]?.details).to.deep.include({ lost: { from: after[0]?.rev ?? 0, to: 20 } });
  });
});
