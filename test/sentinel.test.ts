import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LastcallError, type Order } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { historyOf } from './support/history.js';
import { needsRedisServer, type RedisServer } from './support/redis.js';
import { type Sentinels, startSentinels } from './support/sentinel.js';
import { waitUntil } from './support/wait.js';

/** How many fail-overs; `npm run test:sentinel` makes 50. */
const ROUNDS = Number(process.env['FAILOVERS'] ?? 2);
const FOLLOWED_WITHIN_MS = 5_000;
const CLIENTS = 5;
const PAUSE_MS = 5;

/** What was answered while primaries came and went. */
class Load {
  readonly fences: number[] = [];
  readonly orders: Order[] = [];
  /** The longest time in which nothing was answered. */
  longestMs = 0;
  #answeredAt = performance.now();
  #stopped = false;
  readonly #loops: Promise<void>[] = [];
  readonly #latest = new Map<TestClient, number>();

  readonly #broker: TestBroker;
  readonly #tenant: string;

  constructor(broker: TestBroker, tenant: string, clients: readonly TestClient[]) {
    this.#broker = broker;
    this.#tenant = tenant;
    for (const client of clients) this.#loops.push(this.#repeat(() => this.#lock(client)));
    this.#loops.push(this.#repeat(() => this.#order()));
  }

  get answered(): number {
    return this.fences.length + this.orders.length;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  async #repeat(act: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      try {
        await act();
        this.longestMs = Math.max(this.longestMs, performance.now() - this.#answeredAt);
        this.#answeredAt = performance.now();
      } catch {
        // Refused, for another has it or there is no primary: asked again.
      }
      await delay(PAUSE_MS);
    }
  }

  async #lock(client: TestClient): Promise<void> {
    const requestId = randomUUID();
    const answer = await client.does('lock:acquire', { resource: 'invoices/1', waitMs: 0, requestId });
    if (answer.state !== 'granted') return;
    const { fence } = answer.lock;
    // What it could not give back is still its own: the same grant again.
    if (this.#latest.get(client) !== fence) this.fences.push(fence);
    this.#latest.set(client, fence);
    await client.does('lock:release', { resource: 'invoices/1', fence });
  }

  async #order(): Promise<void> {
    const request = {
      action: 'warn',
      target: { users: ['nobody'] },
      message: 'Save.',
      reason: 'admin',
      graceMs: 600_000,
    } as const;
    this.orders.push(
      await this.#broker.core.orders.create(administrator(this.#tenant), this.#tenant, request),
    );
  }
}

/** A starved machine may lose its primary once more: what is out of reach is asked for again; other refusals count. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  let outcome: { readonly value: T } | undefined;
  await waitUntil(
    async () => {
      try {
        outcome = { value: await ask() };
      } catch (error) {
        if (!(error instanceof LastcallError) || error.code !== 'unavailable') throw error;
      }
      return outcome !== undefined;
    },
    'an answer of the store',
    30_000,
  );
  return (outcome as { readonly value: T }).value;
}

async function isKnown(broker: TestBroker, tenant: string, id: string): Promise<boolean> {
  try {
    return (await broker.core.orders.get(tenant, id)).id === id;
  } catch (error) {
    if (error instanceof LastcallError && error.code === 'not_found') return false;
    throw error;
  }
}

/** When something was, by the fail-over that had begun. */
function sinceLast(failedAt: readonly number[], at: number): string {
  const begun = failedAt.filter((one) => one <= at);
  return `${at - (begun.at(-1) ?? at)} ms after fail-over ${begun.length} began, ${(failedAt[begun.length] ?? at) - at} ms before the next`;
}

describe('[A20] [P2] [P3] [P5] [P6] a primary that fails, with Sentinel', function () {
  this.timeout(60_000 + ROUNDS * 30_000);
  let sentinels: Sentinels;
  let broker: TestBroker;

  before(async function () {
    needsRedisServer(this, 'fail-overs by Sentinel');
    sentinels = await startSentinels();
    const env = { MESSAGES_PER_SECOND: '10000', MESSAGE_BURST: '100000' };
    broker = await TestBroker.start({ redisUrl: sentinels.url, env });
  });
  after(async () => {
    await broker?.close();
    await sentinels?.stop();
  });

  /** Lets one primary fail, and answers how long nothing was answered. */
  async function failOver(load: Load, failed: RedisServer, how: 'killed' | 'frozen'): Promise<number> {
    const atFirst = load.answered;
    await waitUntil(() => load.answered > atFirst + 100, 'work under way', 30_000);
    load.longestMs = 0;
    const before = load.answered;
    if (how === 'killed') await failed.kill();
    else failed.pause();
    await waitUntil(
      async () => (await sentinels.primary().catch(() => failed)) !== failed,
      `another primary after one was ${how}`,
      30_000,
    );
    await sentinels.settled();
    await waitUntil(() => load.answered > before + 10, 'answers from the new primary', FOLLOWED_WITHIN_MS);
    const outageMs = load.longestMs;
    if (how === 'killed') await failed.restart();
    else failed.resume();
    // Sentinels may promote the one that came back before it has what the others have.
    await sentinels.settled(2);
    return outageMs;
  }

  it('is followed within 5 s, whether it was killed or hangs: fences increase, no acknowledged order is lost, nobody ends', async () => {
    const tenant = freshTenant();
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => broker.connect(tenant, `user-${i}`)),
    );
    const load = new Load(broker, tenant, clients);
    const outages: number[] = [];
    const failedAt: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const how = round % 2 === 0 ? 'killed' : 'frozen';
      failedAt.push(Date.now());
      outages.push(await failOver(load, await sentinels.primary(), how));
    }
    await load.stop();
    await waitUntil(async () => (await broker.broker.health.ready()).ok, 'readiness', 30_000);
    const longest = Math.round(Math.max(...outages));
    process.stdout.write(
      `      ${ROUNDS} fail-overs, ${load.fences.length} locks, ${load.orders.length} orders, longest outage ${longest} ms\n`,
    );

    expect(new Set(load.fences).size, 'each fence once').to.equal(load.fences.length);
    const sorted = load.fences.toSorted((a, b) => a - b);
    expect(load.fences, 'fences of one resource as they were granted').to.deep.equal(sorted);
    const lost: string[] = [];
    for (const [i, { id, createdAt }] of load.orders.entries()) {
      if (await answered(() => isKnown(broker, tenant, id))) continue;
      lost.push(`order ${i} of ${load.orders.length}, ${sinceLast(failedAt, createdAt)}`);
    }
    expect(lost.join('\n'), 'orders that were acknowledged and are lost').to.equal('');
    for (const client of clients) {
      expect(client.last('logoff')).to.equal(undefined);
      expect((await client.heartbeat()).ok).to.equal(true);
    }
    const records = await answered(() => historyOf(broker.core, tenant));
    expect(records.some(({ type }) => type === 'session.ended')).to.equal(false);
  });

  it('readiness demands replicas in step, unless that is waived', async () => {
    await waitUntil(async () => (await broker.broker.health.ready()).ok, 'readiness', 30_000);
    const { checks } = await broker.broker.health.ready();
    expect(checks.find(({ name }) => name === 'replicas')).to.include({ ok: true });
    const primary = await sentinels.primary();
    const others = sentinels.servers.filter((server) => server !== primary);
    for (const other of others) other.pause();
    await waitUntil(
      async () => {
        const { ok, checks: now } = await broker.broker.health.ready();
        return (
          !ok && now.some(({ name, detail }) => name === 'replicas' && /0 replicas are in step/.test(detail))
        );
      },
      'readiness that misses the replicas',
      10_000,
    );
    for (const other of others) other.resume();
    await waitUntil(async () => (await broker.broker.health.ready()).ok, 'readiness', 10_000);
  });
});
