import { createClient } from '@lastcall/client';
import { expect } from 'chai';
import { administrator, type TestClient } from './support/broker.js';
import { type Cleanups, cleaned, endsIn, take } from './support/faults.js';
import { checkHistory, historyOf } from './support/history.js';
import { ANSWERED_MS, AT_ONCE_MS, askAll, type Bench, outageBench } from './support/outage.js';
import { needsRedisServer } from './support/redis.js';
import { waitUntil } from './support/wait.js';

/** Beats that an outage of some seconds meets, though no two before it is known, and leases that it does not. */
const PACE = { beatMs: 2_000, leaseMs: 60_000 } as const;
const BACK_MS = 15_000;

interface Fault {
  readonly name: string;
  /** Only the broker's own way to Redis is concerned; others change things meanwhile. */
  readonly ofLink: boolean;
  on(bench: Bench): void;
  off(bench: Bench): void;
}

const FAULTS: readonly Fault[] = [
  { name: 'stopped', ofLink: false, on: ({ redis }) => redis.pause(), off: ({ redis }) => redis.resume() },
  {
    name: 'half-open',
    ofLink: true,
    on: ({ proxy }) => proxy.stall(true),
    off: ({ proxy }) => proxy.stall(false),
  },
  {
    name: 'refusing',
    ofLink: true,
    on: ({ proxy }) => proxy.refuse(true),
    off: ({ proxy }) => proxy.refuse(false),
  },
  { name: 'dripping', ofLink: true, on: ({ proxy }) => proxy.drip(400), off: ({ proxy }) => proxy.drip(0) },
];

describe('H64: Redis out of reach', function () {
  this.timeout(60_000);

  before(function () {
    needsRedisServer(this, 'a Redis that is stopped, slow, refusing or half there');
  });

  for (const fault of FAULTS) {
    it(
      `[N10] [N11] [P6] ${fault.name}: all is answered in time, then at once; sockets are kept, all is repaired`,
      cleaned((cleanups) => outlast(fault, cleanups)),
    );
  }

  it(
    '[N10] late by 1.5 s: what takes one answer is done, what takes more is refused in time',
    cleaned(async (cleanups) => {
      const bench = await outageBench(cleanups);
      const people = await settle(bench);
      bench.proxy.delay(1_500);
      const replies = await askAll(bench, people.ada, people.leaver);
      for (const { edge, code, tookMs } of replies) {
        expect(tookMs, `${edge}: ${code}`).to.be.below(ANSWERED_MS);
      }
      const codes = Object.fromEntries(replies.map(({ edge, code }) => [edge, code]));
      expect(codes).to.include({ heartbeat: 'ok', 'lock:query': 'ok', open: 'unavailable' });
      bench.proxy.delay(0);
      const isOut = async () => (await bench.broker.connect(bench.tenant, 'new')).error === undefined;
      await waitUntil(isOut, 'newcomers to be let in', BACK_MS);
      expect(people.ada.disconnected).to.equal(false);
    }),
  );
});

interface People {
  readonly ada: TestClient;
  readonly bob: TestClient;
  readonly eve: TestClient;
  readonly leaver: TestClient;
}

/** People at work: one with a lock and a watch, one who is to go, one who wants to come back. */
async function settle({ broker, tenant }: Bench): Promise<People> {
  await broker.policy(tenant, PACE);
  const [ada, bob, eve, leaver] = [
    await broker.connect(tenant, 'ada'),
    await broker.connect(tenant, 'bob'),
    await broker.connect(tenant, 'eve'),
    await broker.connect(tenant, 'leaver'),
  ];
  await take(ada, 'books/1');
  await ada.does('lock:watch', { prefix: 'books' });
  await leaver.drop();
  return { ada, bob, eve, leaver };
}

async function outlast(fault: Fault, cleanups: Cleanups): Promise<void> {
  const bench = await outageBench(cleanups);
  const { broker, tenant, proxy } = bench;
  const people = await settle(bench);
  const told = await application(bench, cleanups);
  const order = await broker.core.orders.create(administrator(tenant), tenant, {
    action: 'logoff',
    target: { users: ['bob'] },
    message: 'Good night.',
    reason: 'admin',
    graceMs: 1_500,
    holdMs: 0,
  });
  await people.bob.saw('warning');

  const before = proxy.taken;
  fault.on(bench);
  await expectAnswers(bench, people, ANSWERED_MS);
  await waitUntil(() => told.errors.length > 0, 'the application to be told');
  if (fault.ofLink) await changeThings(bench);
  for (let round = 0; round < 3; round += 1) await expectAnswers(bench, people, AT_ONCE_MS);
  expect(proxy.taken - before, 'attempts to connect').to.be.below(40);
  fault.off(bench);

  // Asked once and not of the clients: who sends heartbeats without being asked is cut off.
  await waitUntil(async () => (await broker.broker.health.ready()).ok, 'it to be ready', BACK_MS);
  for (const client of [people.ada, people.eve]) {
    await waitUntil(async () => (await client.heartbeat()).ok, 'heartbeats to be answered', BACK_MS);
    expect(client.disconnected, 'still on the same socket').to.equal(false);
  }
  await people.bob.saw('logoff', ({ orderId }) => orderId === order.id, BACK_MS);
  const isDone = async () => (await broker.core.orders.get(tenant, order.id)).state === 'done';
  await waitUntil(isDone, 'the order to be done', BACK_MS);
  if (fault.ofLink) await expectRepaired(bench, people);
  await take(people.eve, 'books/7');
  await people.ada.saw('lock:changed', ({ resource }) => resource === 'books/7', BACK_MS);
  await waitUntil(() => told.errors.at(-1) === undefined, 'the application to be told', BACK_MS);
  expect(told).to.deep.equal({ errors: ['unavailable', undefined], statuses: ['online'] });
  const records = await historyOf(broker.core, tenant);
  expect(endsIn(records).map(({ user }) => user?.id)).to.deep.equal(['bob']);
  await checkHistory(broker.core, tenant);
}

async function expectAnswers(bench: Bench, { ada, leaver }: People, withinMs: number): Promise<void> {
  const replies = await askAll(bench, ada, leaver);
  for (const { edge, code, tookMs, retryAfterMs } of replies) {
    expect(code, edge).to.equal('unavailable');
    expect(tookMs, edge).to.be.below(withinMs);
    if (/^(?:GET|POST) (?!readyz)/.test(edge)) expect(retryAfterMs, edge).to.be.within(1_000, 5_000);
  }
  const metrics = await (await fetch(`${bench.broker.url}/metrics`)).text();
  if (withinMs === AT_ONCE_MS) expect(metrics).to.match(/^lastcall_redis_up 0$/m);
}

/** What an application with the SDK is told, each time that it is something else. */
async function application(
  { broker, tenant }: Bench,
  cleanups: Cleanups,
): Promise<{ errors: (string | undefined)[]; statuses: string[] }> {
  const client = createClient({
    url: broker.url,
    token: () => broker.token(tenant, 'grace'),
    logger: { warn: () => undefined },
  });
  cleanups.add(() => client.close());
  await client.connect();
  const told = { errors: [] as (string | undefined)[], statuses: ['online'] };
  let { error } = client.getSnapshot();
  const stop = client.subscribe(() => {
    const snapshot = client.getSnapshot();
    if (snapshot.error !== error) told.errors.push(snapshot.error?.code);
    if (snapshot.status !== told.statuses.at(-1)) told.statuses.push(snapshot.status);
    error = snapshot.error;
  });
  // Before the client is closed: that is no news.
  cleanups.add(stop);
  return told;
}

/** Another broker goes on meanwhile. */
async function changeThings({ other, tenant }: Bench): Promise<void> {
  await other.policy(tenant, { ...PACE, idleAfterMs: 77_000 });
  const by = { kind: 'admin', id: 'root', name: 'Root' } as const;
  await other.core.locks.break(tenant, 'books/1', 'left open', by);
  await other.core.blocks.set(tenant, { user: 'mallory', reason: 'left' }, by);
}

/** Whatever the broker did not hear of it has heard of now, and so have its clients. */
async function expectRepaired({ broker, tenant }: Bench, { ada }: People): Promise<void> {
  await ada.saw('policy', ({ idleAfterMs }) => idleAfterMs === 77_000, BACK_MS);
  await ada.saw('lock:lost', ({ resource, reason }) => resource === 'books/1' && reason === 'admin', BACK_MS);
  await ada.saw('lock:changed', ({ resource, holders }) => resource === 'books/1' && holders.length === 0);
  const mallory = await broker.connect(tenant, 'mallory');
  expect(mallory.error?.code).to.equal('blocked');
}
