import type { AuditRecord } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { checkHistory, historyOf } from './support/history.js';
import { endOf, expectRunOut, gapsIn } from './support/lease.js';
import { useParallel } from './support/parallel.js';
import { observer } from './support/redis.js';
import { type OwnStore, ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';

const SHORT = { beatMs: 500, leaseMs: 1_500 } as const;

/** Brokers that come and go on a store of their own. */
class Bench {
  readonly #store: OwnStore;
  readonly #running = new Set<TestBroker>();
  readonly tenant = freshTenant();

  private constructor(store: OwnStore) {
    this.#store = store;
  }

  /** Runs a test on a bench, which is cleared away whatever happens. */
  static with(run: (bench: Bench) => Promise<void>): () => Promise<void> {
    return async () => {
      const bench = new Bench(await ownStore());
      try {
        await run(bench);
      } finally {
        await Promise.all([...bench.#running].map((broker) => broker.close()));
        await bench.#store.stop();
      }
    };
  }

  get url(): string {
    return this.#store.url;
  }

  async start(): Promise<TestBroker> {
    const broker = await TestBroker.start({ redisUrl: this.#store.url });
    this.#running.add(broker);
    return broker;
  }

  /** Starts the first one, and gives the tenant short leases. */
  async begin(): Promise<TestBroker> {
    const broker = await this.start();
    await broker.policy(this.tenant, SHORT);
    return broker;
  }

  async stop(broker: TestBroker): Promise<void> {
    this.#running.delete(broker);
    await broker.close();
  }

  /** A session without a socket: nobody will send a heartbeat for it. */
  async openSilent(broker: TestBroker, user: string) {
    const { tenant } = this;
    const opened = await broker.core.sessions.open(administrator(tenant, user), { address: '192.0.2.1' });
    const { sessionId } = opened.attachment;
    const { openedAt: lastBeatAt } = await broker.core.sessions.get(tenant, sessionId);
    return { ...SHORT, tenant, sessionId, lastBeatAt };
  }

  /** Ends a client's heartbeats; answers what its end is measured by. */
  async silence(broker: TestBroker, client: TestClient) {
    const { tenant } = this;
    const { sessionId } = client;
    await client.drop();
    const look = () => broker.core.sessions.get(tenant, sessionId);
    await waitUntil(async () => (await look()).state === 'disconnected', 'the disconnection');
    const { lastBeatAt } = await look();
    return { ...SHORT, tenant, sessionId, lastBeatAt };
  }
}

/** Nobody is there to sweep. */
async function nobodyFor(ms: number): Promise<void> {
  const since = performance.now();
  await waitUntil(() => performance.now() - since >= ms, 'the gap', ms + 1_000);
}

describe('the sweep', () => {
  const parallel = useParallel();

  it(
    '[P1] [P4] ends each of hundreds of sessions once, whoever of two brokers comes first',
    parallel(
      Bench.with(async (bench) => {
        const { tenant } = bench;
        const brokers = [await bench.begin(), await bench.start()] as const;
        const silent = await Promise.all(
          Array.from({ length: 300 }, (_, i) => bench.openSilent(brokers[i % 2 === 0 ? 0 : 1], `user-${i}`)),
        );
        const { core } = brokers[0];
        await waitUntil(async () => (await core.sessions.count(tenant)) === 0, 'all to be ended', 15_000);
        const records = await historyOf(core, tenant);
        const ends = new Map<string, AuditRecord>();
        for (const record of records) {
          if (record.type !== 'session.ended') continue;
          expect(ends.has(record.sessionId ?? ''), 'a second end').to.equal(false);
          ends.set(record.sessionId ?? '', record);
        }
        const isDelayed = gapsIn(records).length > 0;
        for (const { sessionId, lastBeatAt } of silent) {
          const at = ends.get(sessionId)?.at ?? 0;
          expect(at - lastBeatAt).to.be.within(SHORT.leaseMs, isDelayed ? 30_000 : SHORT.leaseMs + 1_000);
        }
        await checkHistory(core, tenant);
      }),
    ),
  );

  it(
    '[S8] a lease that had not run out gets the length of the gap and two beats more; the gap is recorded',
    parallel(
      Bench.with(async (bench) => {
        const { tenant } = bench;
        const first = await bench.begin();
        const client = await first.connect(tenant, 'ada');
        const silent = await bench.openSilent(first, 'grace');
        await client.acquire('invoices/1');
        const linus = await bench.openSilent(first, 'linus');
        const order = await first.core.orders.create(administrator(tenant), tenant, {
          action: 'logoff',
          target: { sessions: [linus.sessionId] },
          message: 'Please save your work.',
          reason: 'admin',
          graceMs: 1_200,
          holdMs: 0,
        });
        await bench.stop(first);
        await nobodyFor(2_500);

        const second = await bench.start();
        const { core } = second;
        const back = await second.connect(tenant, 'ada', { auth: { resume: client.resume } });
        expect(back.welcome.resumed, 'resumed though its lease ran out meanwhile').to.equal(true);
        expect(back.welcome.locks.map(({ resource }) => resource)).to.deep.equal(['invoices/1']);
        await waitUntil(
          async () => gapsIn(await historyOf(core, tenant)).length > 0,
          'the gap to be recorded',
        );
        const [gap] = gapsIn(await historyOf(core, tenant));
        expect((gap?.to ?? 0) - (gap?.from ?? 0)).to.be.within(2_000, 10_000);

        // What was due by an order is done at once, by its order, once.
        const due = await endOf(core, tenant, linus.sessionId);
        expect(due).to.include({ reason: 'admin', orderId: order.id });
        expect(due.at - (gap?.to ?? 0)).to.be.within(0, 1_000);

        const end = await expectRunOut(core, silent);
        const gaps = gapsIn(await historyOf(core, tenant)).filter(({ from }) => from < end.at);
        const credit = gaps.reduce((sum, { from, to }) => sum + to - from + 2 * SHORT.beatMs, 0);
        expect(end.at).to.be.at.least(silent.lastBeatAt + SHORT.leaseMs + credit);
        expect((await core.sessions.get(tenant, back.sessionId)).state, 'who came back stays').to.equal(
          'active',
        );

        // The gap is over: neither a session of before nor a new one lives longer for it.
        await Promise.all([
          expectRunOut(core, await bench.silence(second, back)),
          expectRunOut(core, await bench.openSilent(second, 'alan')),
        ]);
        await checkHistory(core, tenant);
      }),
    ),
  );

  it(
    '[S8] gaps that follow each other add up',
    parallel(
      Bench.with(async (bench) => {
        const { tenant } = bench;
        let broker = await bench.begin();
        const silent = await bench.openSilent(broker, 'ada');
        for (let round = 1; round <= 2; round += 1) {
          await bench.stop(broker);
          await nobodyFor(1_600);
          broker = await bench.start();
          await waitUntil(
            async () => gapsIn(await historyOf(broker.core, tenant)).length >= round,
            'the gap',
          );
        }
        const end = await expectRunOut(broker.core, silent);
        const gaps = gapsIn(await historyOf(broker.core, tenant)).filter(({ from }) => from < end.at);
        expect(gaps.length).to.be.at.least(2);
        const credit = gaps.reduce((sum, { from, to }) => sum + to - from + 2 * SHORT.beatMs, 0);
        expect(end.at).to.be.at.least(silent.lastBeatAt + SHORT.leaseMs + credit);
      }),
    ),
  );

  it(
    '[S8] [P1] a clock that jumps back stops no sweep and ends nobody early',
    parallel(
      Bench.with(async (bench) => {
        const { tenant } = bench;
        const broker = await bench.begin();
        const client = await broker.connect(tenant, 'ada');
        const redis = await observer(bench.url);
        // As the sweep would find it: the last one was in the future.
        await redis.set(`lc:{${tenant}}:swept`, String(Date.now() + 3_600_000));
        redis.destroy();
        await waitUntil(async () => gapsIn(await historyOf(broker.core, tenant)).length > 0, 'the jump');
        await expectRunOut(broker.core, await bench.openSilent(broker, 'grace'));
        expect((await broker.core.sessions.get(tenant, client.sessionId)).state).to.equal('active');
      }),
    ),
  );

  describe('a tenant at rest', () => {
    /** Waits until nobody sweeps the tenant any more; answers the mark that stays. */
    async function restOf(url: string, tenant: string): Promise<string> {
      const redis = await observer(url);
      try {
        const mark = async () => String(await redis.get(`lc:{${tenant}}:swept`));
        let last = '';
        await waitUntil(
          async () => {
            if (!(await mark()).endsWith('~')) return false;
            last = await mark();
            await nobodyFor(1_500);
            return last === (await mark());
          },
          'nobody to sweep',
          10_000,
        );
        return last;
      } finally {
        redis.destroy();
      }
    }

    it(
      '[A18] [S8] [P1] is not swept; a session that is opened then suffers no gap and ends in time',
      parallel(
        Bench.with(async (bench) => {
          const { tenant } = bench;
          const broker = await bench.begin();
          expect(await restOf(bench.url, tenant)).to.match(/^\d+~$/);
          await expectRunOut(broker.core, await bench.openSilent(broker, 'ada'));
          const { rev } = (await historyOf(broker.core, tenant))[0] ?? {};
          expect(rev).to.equal(1);
          // What follows an end, too, is done in time; then there is rest again.
          await waitUntil(
            async () => (await historyOf(broker.core, tenant)).some(({ type }) => type.endsWith('verified')),
            'the proof',
            12_000,
          );
          await restOf(bench.url, tenant);
          const gaps = gapsIn(await historyOf(broker.core, tenant));
          for (const { from, to } of gaps) expect(to - from, 'not the time of the rest').to.be.below(1_500);
        }),
      ),
    );

    it(
      '[A18] [P3] is swept by another broker when the one that opened a session there is gone',
      parallel(
        Bench.with(async (bench) => {
          const { tenant } = bench;
          const [first, other] = [await bench.begin(), await bench.start()];
          await restOf(bench.url, tenant);
          const silent = await bench.openSilent(first, 'ada');
          await bench.stop(first);
          await expectRunOut(other.core, silent);
        }),
      ),
    );

    it(
      '[A18] [I7] wakes for what comes due there, though another broker set it',
      parallel(
        Bench.with(async (bench) => {
          const { tenant } = bench;
          const [first, other] = [await bench.begin(), await bench.start()];
          await restOf(bench.url, tenant);
          const untilAt = other.core.clock.now() + 1_500;
          await first.core.blocks.set(tenant, { user: 'eve', untilAt, reason: 'test' }, { kind: 'system' });
          await bench.stop(first);
          const isOver = ({ type, details }: AuditRecord): boolean =>
            type === 'block.changed' && details?.['state'] === 'over';
          const over = async () => (await historyOf(other.core, tenant)).find(isOver);
          await waitUntil(async () => (await over()) !== undefined, 'the end of the block', 10_000);
          expect(((await over())?.at ?? 0) - untilAt).to.be.within(0, 2_000);
        }),
      ),
    );
  });
});
