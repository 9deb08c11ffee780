import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LastcallError, type Order } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { type RedisCluster, startCluster } from './support/cluster.js';
import { checkHistory, historyOf } from './support/history.js';
import { Random } from './support/random.js';
import { needsRedisServer, type RedisServer } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const TENANTS = 30;
/** How many times a tenant's slot is moved; `npm run test:cluster` moves many more. */
const MOVES = Number(process.env['MOVES'] ?? 2);
const PAUSE_MS = 150;
/** How much is done after a slot has moved, before the next one does. */
const AFTERWARDS = 3;

/** A tenant at work: somebody who locks and gives back, and orders that are given. */
class Office {
  readonly tenant = freshTenant();
  readonly orders: Order[] = [];
  readonly fences: number[] = [];
  readonly codes = new Set<string>();
  attempts = 0;
  #client: TestClient | undefined;
  #work: Promise<void> = Promise.resolve();
  #stopped = false;

  async open(broker: TestBroker): Promise<void> {
    this.#client = await broker.connect(this.tenant, 'ada');
    this.#work = this.#repeat(broker, this.#client);
  }

  get client(): TestClient {
    if (!this.#client) throw new Error('not open');
    return this.#client;
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #repeat(broker: TestBroker, client: TestClient): Promise<void> {
    const by = administrator(this.tenant);
    const request = {
      action: 'warn',
      target: { users: ['nobody'] },
      message: 'Save.',
      reason: 'admin',
    } as const;
    for (let i = 0; !this.#stopped; i += 1) {
      this.attempts += 1;
      const answer = await client.acquire(`invoices/${i}`, 0, randomUUID());
      if (!answer.ok) this.codes.add(answer.error.code);
      else if (answer.state === 'granted') {
        const { fence, resource } = answer.lock;
        this.fences.push(fence);
        const released = await client.call('lock:release', { resource, fence });
        if (!released.ok) this.codes.add(released.error.code);
      }
      await broker.core.orders.create(by, this.tenant, request).then(
        (order) => this.orders.push(order),
        (error: unknown) => this.codes.add(error instanceof LastcallError ? error.code : String(error)),
      );
      await delay(PAUSE_MS);
    }
  }
}

describe('[A21] [P2] [P4] [P6] a cluster of three primaries whose slots move, first to one that has none', function () {
  this.timeout(60_000 + MOVES * 10_000);
  let cluster: RedisCluster;
  let broker: TestBroker;

  before(async function () {
    needsRedisServer(this, 'a cluster whose slots move');
    cluster = await startCluster(3, 1);
    const env = { MESSAGES_PER_SECOND: '10000', MESSAGE_BURST: '100000' };
    broker = await TestBroker.start({ redisUrl: cluster.url, env });
  });
  after(async () => {
    await broker?.close();
    await cluster?.stop();
  });

  it('answers `unavailable` for a tenant that is on its way, and does nothing by halves', async () => {
    const random = new Random();
    process.stdout.write(`      seed ${random.seed}\n`);
    const offices = Array.from({ length: TENANTS }, () => new Office());
    await Promise.all(offices.map((office) => office.open(broker)));
    for (let i = 0; i < MOVES; i += 1) {
      const office = random.pick(offices);
      const { slot, owner } = await cluster.ownerOf(`lc:{${office.tenant}}:rev`);
      const others = cluster.servers.filter((server) => server !== owner);
      const to = i === 0 ? (others.at(-1) as RedisServer) : random.pick(others);
      await cluster.move(slot, owner, to, () => {
        const before = office.attempts;
        // One answer may take as long as a command may; a tenant on its way is told so in that time.
        return waitUntil(() => office.attempts > before + 1, 'work half way', 10_000);
      });
      const answered = office.fences.length;
      await waitUntil(() => office.fences.length > answered + AFTERWARDS, 'work after the move', 15_000);
    }
    await Promise.all(offices.map((office) => office.close()));

    const codes = new Set(offices.flatMap((office) => [...office.codes]));
    expect([...codes], 'what was refused').to.have.members(['unavailable']);
    for (const office of offices) {
      const { tenant, orders, fences, client } = office;
      expect(fences, 'fences').to.deep.equal(fences.toSorted((a, b) => a - b));
      expect(new Set(fences).size).to.equal(fences.length);
      const stored = await broker.core.orders.list(tenant, {}, { limit: 1_000 });
      const ids = new Set(stored.items.map(({ id }) => id));
      for (const { id } of orders.slice(-900)) expect(ids.has(id), `order ${id}`).to.equal(true);
      expect(client.last('logoff')).to.equal(undefined);
      expect((await client.heartbeat()).ok).to.equal(true);
      await checkHistory(broker.core, tenant);
      const records = await historyOf(broker.core, tenant);
      const granted = records.filter(({ type }) => type === 'lock.granted').map(({ fence }) => fence);
      expect(granted).to.include.members(fences);
    }
  });
});
