import {
  type AuditRecord,
  DEFAULT_POLICY,
  type Order,
  type OrderRequest,
  type Policy,
} from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestClient } from './support/broker.js';
import { ApiClient } from './support/http.js';
import { useParallel } from './support/parallel.js';
import { BrokerProcess, type BrokerProcessOptions } from './support/process.js';
import { Random } from './support/random.js';
import { observer } from './support/redis.js';
import { ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';
import { Worker } from './support/worker.js';

const ROUNDS = Number(process.env['ROUNDS'] ?? 4);
const TIMEOUT_MS = 30_000 + ROUNDS * 5_000;

/** A broker process, and what the tests do with it. */
class Bench {
  readonly tenant = freshTenant();
  readonly broker: BrokerProcess;
  readonly #clients: TestClient[] = [];

  private constructor(broker: BrokerProcess) {
    this.broker = broker;
  }

  static async with(options: BrokerProcessOptions, run: (bench: Bench) => Promise<void>): Promise<void> {
    const bench = new Bench(await BrokerProcess.start(options));
    try {
      await run(bench);
    } finally {
      for (const { socket } of bench.#clients) socket.disconnect();
      await bench.broker.remove();
    }
  }

  async connect(sub: string, resume?: TestClient): Promise<TestClient> {
    const token = await this.broker.token(this.tenant, sub);
    const client = new TestClient(this.broker.url, { token, ...(resume ? { resume: resume.resume } : {}) });
    this.#clients.push(client);
    await client.opened();
    return client;
  }

  async admin(): Promise<ApiClient> {
    return new ApiClient(this.broker.url, await this.broker.token(this.tenant, 'root', ['admin']));
  }

  async order(sessionId: string, more: Partial<OrderRequest> = {}): Promise<Order> {
    const body = {
      action: 'logoff',
      target: { sessions: [sessionId] },
      message: 'Please save your work.',
      reason: 'admin',
      graceMs: 600_000,
      holdMs: 0,
      ...more,
    };
    return await (await this.admin()).does<Order>('orders.create', { params: { tenant: this.tenant }, body });
  }

  async read(id: string): Promise<Order> {
    return await (await this.admin()).does<Order>('orders.get', { params: { tenant: this.tenant, id } });
  }

  async records(): Promise<readonly AuditRecord[]> {
    const query = { limit: 1_000 };
    const params = { tenant: this.tenant };
    const { body } = await (await this.admin()).call<{ items: AuditRecord[] }>('audit.list', {
      params,
      query,
    });
    return body.items.toReversed();
  }
}

/** Every record of the stream, read past the broker. */
async function streamOf(url: string, tenant: string): Promise<AuditRecord[]> {
  const redis = await observer(url);
  try {
    const entries = await redis.xRange(`lc:{${tenant}}:log`, '-', '+');
    return (entries ?? []).map(({ message }) => JSON.parse(message['r'] ?? '{}') as AuditRecord);
  } finally {
    redis.destroy();
  }
}

function expectGapFree(records: readonly AuditRecord[]): void {
  expect(records.map(({ rev }) => rev)).to.deep.equal(records.map((_, i) => i + 1));
}

describe('durability', function () {
  this.timeout(TIMEOUT_MS);
  const parallel = useParallel();

  it(
    '[P5] [P3] [P4] a broker killed at any moment under work loses nothing that was acknowledged',
    parallel(async () => {
      const store = await ownStore();
      try {
        await Bench.with({ redisUrl: store.url }, (bench) => survive(bench, store.url));
      } finally {
        await store.stop();
      }
    }),
  );

  async function survive(bench: Bench, url: string): Promise<void> {
    const random = new Random();
    const { broker, tenant } = bench;
    const workers = Array.from({ length: 6 }, (_, i) => new Worker(broker, tenant, `worker-${i}`));
    const orders: { order: Order; sessionId: string }[] = [];
    const context = `seed ${random.seed} (SEED=${random.seed} repeats it)`;
    process.stdout.write(`    ${ROUNDS} rounds, ${context}\n`);
    for (let round = 1; round <= ROUNDS; round += 1) {
      await Promise.all(workers.map((worker) => worker.connect())).catch((error: unknown) => {
        throw new Error(`in round ${round}, ${context}`, { cause: error });
      });
      const { sessionId } = await bench.connect(`guest-${round}`);
      orders.push({ order: await bench.order(sessionId, { graceMs: random.within(0, 1_500) }), sessionId });
      const work = Promise.all(workers.map((worker) => worker.work(random)));
      const until = performance.now() + random.within(20, 400);
      await waitUntil(() => performance.now() >= until, 'the moment');
      await broker.kill();
      await work;
      await broker.start();
    }
    await Promise.all(workers.map((worker) => worker.connect()));
    for (const { order } of orders) {
      await waitUntil(
        async () => ['closing', 'done'].includes((await bench.read(order.id)).state),
        'the order',
        10_000,
      );
    }
    for (const { client } of workers) client.socket.disconnect();

    const records = await streamOf(url, tenant);
    expectGapFree(records);
    expectRecorded(records, workers);
    expectCarriedOut(records, orders);
  }

  function expectRecorded(records: readonly AuditRecord[], workers: readonly Worker[]): void {
    const fences = (type: string): number[] =>
      records.filter((record) => record.type === type).map(({ fence }) => Number(fence));
    const granted = fences('lock.granted');
    expect(granted, 'fences increase').to.deep.equal(granted.toSorted((a, b) => a - b));
    expect(new Set(granted).size, 'no fence twice').to.equal(granted.length);
    const opened = records.filter(({ type }) => type === 'session.opened').map(({ sessionId }) => sessionId);
    for (const { acknowledged } of workers) {
      expect(opened).to.include.members([...acknowledged.opened]);
      expect(granted).to.include.members([...acknowledged.granted]);
      const released = fences('lock.released').filter((fence) => acknowledged.released.has(fence));
      expect(released.length, 'each release once').to.equal(acknowledged.released.size);
    }
    expect(
      records.filter(({ type, reason }) => type === 'session.ended' && reason === 'unresponsive'),
    ).to.deep.equal([]);
  }

  /** An order whose deadline passed while nobody was there is carried out at once, and once. */
  function expectCarriedOut(
    records: readonly AuditRecord[],
    orders: readonly { order: Order; sessionId: string }[],
  ): void {
    const gaps = records.flatMap(({ details }) =>
      details?.['gap'] ? [details['gap'] as { from: number; to: number }] : [],
    );
    for (const { order, sessionId } of orders) {
      const ends = records.filter(
        (record) => record.type === 'session.ended' && record.sessionId === sessionId,
      );
      expect(ends).to.have.length(1);
      expect(ends[0]).to.include({ orderId: order.id, reason: 'admin' });
      const gap = gaps.find(({ from, to }) => from <= order.deadlineAt && order.deadlineAt <= to);
      const latest = Math.max(order.deadlineAt, gap?.to ?? 0) + 1_000;
      expect(ends[0]?.at, 'its instant').to.be.within(order.deadlineAt, latest);
    }
  }

  it(
    '[P5] with the embedded engine orders and settings are safe when they are answered',
    parallel(() =>
      Bench.with({}, async (bench) => {
        const { broker, tenant } = bench;
        const params = { tenant };
        let client = await bench.connect('ada');
        const orders: string[] = [];
        for (let round = 1; round <= 3; round += 1) {
          orders.push((await bench.order(client.sessionId)).id);
          if (round > 1) {
            const body = { ...DEFAULT_POLICY, graceMs: round * 1_000 };
            const headers = { 'If-Match': `"${round - 2}"` };
            await (await bench.admin()).does<Policy>('policy.set', { params, body, headers });
          }
          await broker.kill();
          await broker.start();
          for (const id of orders) expect((await bench.read(id)).state).to.equal('pending');
          const policy = await (await bench.admin()).does<Policy>('policy.get', { params });
          expect(policy).to.include({ version: round - 1, ...(round > 1 ? { graceMs: round * 1_000 } : {}) });
          client = await bench.connect('ada', client);
          expect(client.welcome.resumed).to.equal(true);
          expect(client.welcome.orders.map(({ orderId }) => orderId)).to.deep.equal(orders);
        }
        expectGapFree(await bench.records());
      }),
    ),
  );

  it(
    '[P5] [P2] with the embedded engine a kill loses no more than the last 2 s, and a stop nothing',
    parallel(() =>
      Bench.with({}, async (bench) => {
        const { broker } = bench;
        let client = await bench.connect('ada');
        const granted: { resource: string; fence: number; at: number }[] = [];
        const take = async (resource: string): Promise<void> => {
          const answer = await client.acquire(resource);
          if (!answer.ok || answer.state !== 'granted') throw new Error(JSON.stringify(answer));
          granted.push({ resource, fence: answer.lock.fence, at: performance.now() });
        };
        const names = (locks: readonly { resource: string }[]): string[] =>
          locks.map(({ resource }) => resource);
        const since = performance.now();
        await waitUntil(
          async () => {
            if (granted.length < 60) await take(`invoices/${granted.length}`);
            return performance.now() - since > 4_000;
          },
          'some seconds of work',
          10_000,
        );
        const killedAt = performance.now();
        await broker.kill();
        await broker.start();
        client = await bench.connect('ada', client);
        // A second more than promised, for the machine.
        const safe = granted.filter(({ at }) => at < killedAt - 3_000);
        expect(safe).not.to.have.length(0);
        expect(names(client.welcome.locks)).to.include.members(names(safe));
        const highest = Math.max(...granted.map(({ fence }) => fence));

        await take('customers/1');
        expect(granted.at(-1)?.fence, 'a fence above those that were lost').to.be.greaterThan(highest);
        const before = await bench.records();
        await broker.end();
        await broker.start();
        client = await bench.connect('ada', client);
        expect(names(client.welcome.locks)).to.include('customers/1');
        const after = await bench.records();
        expectGapFree(after);
        expect(after.slice(0, before.length)).to.deep.equal(before);
      }),
    ),
  );
});
