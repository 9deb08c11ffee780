import { setTimeout as delay } from 'node:timers/promises';
import { type AuditRecord, type Identity, LastcallError, type Order } from '@lastcall/shared';
import { expect } from 'chai';
import { connectRedis, type RedisDriver } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import type { Opened } from 'lastcall/internal/sessions.js';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { checkHistory, historyOf } from './support/history.js';
import { Random } from './support/random.js';
import { testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

/** In tens; the long form (`npm run test:races`) has two thousand. */
const RACES = Number(process.env['RACES'] ?? 300);
const TENANTS = 10;
/** Races of a tenant that are run at the same time. */
const AT_ONCE = 12;
/** Around the deadline: this much before, and this much after. */
const SPREAD_MS = 5;
/** Of each outcome at least so many; else nothing was raced. */
const LEAST = RACES / 100;
/** A race that was lost moves the next ones by so much, as in an up-and-down staircase (Dixon and Mood, 1948). */
const STEP_MS = 2;
/** Older than this the last sweep does not keep the next one from looking. */
const STALE_MS = 300;

/** What an administrator was told of a cancel. */
type Told = 'cancelled' | 'conflict';

interface Race {
  readonly order: Order;
  readonly opened: Opened;
  readonly told: readonly Told[];
}

describe('cancel against deadline', function () {
  this.timeout(60_000);
  const random = new Random();
  /** By how much cancels are sent earlier than at the deadline: as much as makes either outcome as likely. */
  let leadMs = 0;
  let brokers: readonly TestBroker[];
  let drivers: readonly RedisDriver[];

  before(async () => {
    const { url } = await testStore();
    brokers = await Promise.all([TestBroker.start(), TestBroker.start()]);
    drivers = await Promise.all([connectRedis({ url }), connectRedis({ url })]);
  });
  after(async () => {
    await Promise.all((drivers ?? []).map((driver) => driver.close()));
    await Promise.all((brokers ?? []).map((broker) => broker.close()));
  });

  const either = () => random.pick(brokers).core;

  async function tell(tenant: string, by: Identity, { id }: Order): Promise<Told> {
    try {
      expect((await either().orders.cancel(by, tenant, id)).state).to.equal('cancelled');
      return 'cancelled';
    } catch (error) {
      expect(error).to.be.instanceOf(LastcallError).and.to.have.property('code', 'conflict');
      expect((error as LastcallError).message).to.match(/closing|done/);
      return 'conflict';
    }
  }

  /** One order for one session, and one or two administrators who cancel it around its deadline. */
  async function race(tenant: string): Promise<Race> {
    const user = { id: `user-${random.within(1, 5)}`, name: 'Somebody', roles: ['user'] };
    const opened = await either().sessions.open({ ...administrator(tenant), user }, { address: '192.0.2.1' });
    const { clock, orders } = either();
    const order = await orders.create(administrator(tenant, 'giver'), tenant, {
      action: 'logoff',
      target: { sessions: [opened.attachment.sessionId] },
      message: 'Race.',
      reason: 'admin',
      graceMs: Math.max(0, leadMs) + random.within(SPREAD_MS, 3 * SPREAD_MS),
      holdMs: 0,
    });
    const cancellers = ['one', 'two'].slice(0, random.within(1, 2));
    const told = cancellers.map(async (id) => {
      const at = order.deadlineAt - leadMs + random.within(-SPREAD_MS, SPREAD_MS);
      await delay(at - clock.now());
      return await tell(tenant, administrator(tenant, id), order);
    });
    const raced = { order, opened, told: await Promise.all(told) };
    leadMs += raced.told[0] === 'conflict' ? STEP_MS : -STEP_MS;
    return raced;
  }

  /** Sweeps a tenant over a connection without a pause, however young the last sweep is. */
  async function sweepUntil(driver: RedisDriver, tenant: string, isOver: () => boolean): Promise<void> {
    const store = new Store(driver);
    const { clock, nodes } = either();
    while (!isOver()) {
      await driver.commands.set(`lc:{${tenant}}:swept`, String(clock.now() - STALE_MS));
      await store.run('sweep', tenant, [nodes.aliveJson(), 0, 0, 0]);
    }
  }

  async function racesOf(tenant: string, count: number): Promise<readonly Race[]> {
    const races: Race[] = [];
    let started = 0;
    const runner = async (): Promise<void> => {
      while (started < count) {
        started += 1;
        races.push(await race(tenant));
      }
    };
    let over = false;
    const sweeps = drivers.map((driver) => sweepUntil(driver, tenant, () => over));
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, runner));
      const ended = races.filter(({ told }) => told[0] === 'conflict');
      await waitUntil(async () => {
        const left = await either().sessions.count(tenant);
        return left === races.length - ended.length;
      }, 'who was not spared to be out');
      await Promise.all(ended.map(({ opened }) => either().sessions.report(opened.attachment, true)));
    } finally {
      over = true;
      await Promise.all(sweeps);
    }
    return races;
  }

  /** One outcome, in the order, the session, the receipt and the trail; and it is the one that was told. */
  async function check(tenant: string, one: Race, records: readonly AuditRecord[]): Promise<void> {
    const { order, opened, told } = one;
    const { orders, sessions } = either();
    const { sessionId } = opened.attachment;
    const { state, counts } = await orders.get(tenant, order.id);
    const session = await sessions.get(tenant, sessionId);
    const receipt = await orders.receipt(tenant, order.id, sessionId);
    const ends = records.filter(
      (record) => record.sessionId === sessionId && record.type === 'session.ended',
    );
    const cancels = records.filter(({ orderId, type }) => orderId === order.id && type === 'order.cancelled');
    expect(new Set(told).size, 'both are told the same').to.equal(1);
    if (told[0] === 'cancelled') {
      expect([state, session.state]).to.deep.equal(['cancelled', 'active']);
      expect(session).not.to.have.any.keys('ended', 'warned');
      expect(receipt?.state).not.to.equal('ended');
      expect(ends).to.deep.equal([]);
      expect(cancels).to.have.length(1);
      expect(cancels[0]?.by.id).to.be.oneOf(['one', 'two']);
      expect(cancels[0]?.at).to.be.below(order.deadlineAt);
    } else {
      expect([state, session.state, session.ended?.orderId]).to.deep.equal(['done', 'ended', order.id]);
      expect(counts).to.include({ targeted: 1, ended: 1, verified: 1 });
      expect(receipt).to.include({ state: 'ended', outcome: 'forced', verified: true });
      expect(cancels).to.deep.equal([]);
      expect(ends.map(({ orderId, by }) => [orderId, by.id])).to.deep.equal([[order.id, 'giver']]);
      expect(ends[0]?.at).to.be.at.least(order.deadlineAt);
    }
  }

  it(`[O20] [O8] ${RACES} times: always one outcome, and the answer told it; seed ${random.seed}`, async () => {
    const counts = { cancelled: 0, conflict: 0 };
    for (let i = 0; i < TENANTS; i += 1) {
      const tenant = freshTenant();
      const races = await racesOf(tenant, RACES / TENANTS);
      const records = await historyOf(either(), tenant);
      for (const one of races) {
        await check(tenant, one, records);
        counts[one.told[0] as Told] += 1;
      }
      await checkHistory(either(), tenant);
    }
    process.stdout.write(`      ${counts.cancelled} cancelled in time, ${counts.conflict} too late\n`);
    expect(counts.cancelled + counts.conflict).to.equal(RACES);
    expect(Math.min(...Object.values(counts)), 'of each').to.be.at.least(LEAST);
  });
});
