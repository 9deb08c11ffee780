import { setTimeout as delay } from 'node:timers/promises';
import { LastcallError, type Order, type OrderTarget } from '@lastcall/shared';
import fc from 'fast-check';
import type { Attachment } from 'lastcall/internal/attachments.js';
import { connectRedis, type RedisDriver } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { administrator, freshTenant, TestBroker } from './broker.js';
import { testStore } from './redis.js';

const USERS = ['ada', 'grace', 'root'] as const;
const MOST_MS = 25;
const whichever = fc.nat({ max: 20 });
const ms = fc.nat({ max: MOST_MS });

/** Whom a random order is for; sessions are chosen among those there are. */
const targets = fc.oneof(
  fc.constant({ all: true } as const),
  fc.record({ users: fc.constantFrom(['ada'], ['grace', 'root']) }),
  fc.record({ session: whichever }),
);

/** What may happen; places (`session`, `order`) are taken modulo what there is. */
export const steps = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('open' as const), user: fc.constantFrom(...USERS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('drop', 'resume', 'signOut', 'runOut'), session: whichever }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('order' as const),
      action: fc.constantFrom('logoff' as const, 'logoff' as const, 'warn' as const),
      target: targets,
      spared: fc.constantFrom(undefined, 'grace'),
      graceMs: ms,
      holdMs: ms,
      extendable: fc.boolean(),
      denies: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('ack' as const),
      session: whichever,
      order: whichever,
      state: fc.constantFrom('seen' as const, 'saving' as const, 'saving' as const, 'saved' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('extend' as const), session: whichever, order: whichever, ms }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), order: whichever }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('report' as const), session: whichever, answered: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('sweep' as const), afterMs: fc.nat({ max: 12 }) }) },
);
type StepOf<A> = A extends fc.Arbitrary<infer S> ? S : never;
export type Step = StepOf<typeof steps>;

const REFUSALS = new Set(['not_found', 'conflict', 'session_ended', 'extension_refused', 'blocked', 'superseded']);

interface Seat {
  attachment: Attachment;
  attached: boolean;
}

/** A broker that sweeps only when it is told to, so that what happens between two sweeps is chosen. */
export class OrderModel {
  readonly broker: TestBroker;
  readonly #driver: RedisDriver;
  readonly #store: Store;
  tenant = '';
  #seats: Seat[] = [];
  #orders: Order[] = [];

  private constructor(broker: TestBroker, driver: RedisDriver) {
    this.broker = broker;
    this.#driver = driver;
    this.#store = new Store(driver);
  }

  static async start(): Promise<OrderModel> {
    const { url } = await testStore();
    const broker = await TestBroker.start();
    broker.core.sweeper.stop();
    return new OrderModel(broker, await connectRedis({ url }));
  }

  async stop(): Promise<void> {
    await this.#driver.close();
    await this.broker.close();
  }

  /** Does the steps in a new tenant, then lets every deadline pass and every report come or be given up. */
  async run(todo: readonly Step[]): Promise<void> {
    this.tenant = freshTenant();
    this.#seats = [];
    this.#orders = [];
    for (const step of todo) {
      try {
        await this.#do(step);
      } catch (error) {
        // Refusals are answers; the history shows whether they were right.
        if (!(error instanceof LastcallError && REFUSALS.has(error.code))) throw error;
      }
    }
    await this.#finish();
  }

  async #do(step: Step): Promise<void> {
    const { sessions, orders } = this.broker.core;
    const admin = administrator(this.tenant);
    switch (step.do) {
      case 'open':
        await this.#open(step.user);
        return;
      case 'order':
        this.#orders.push(await orders.create(admin, this.tenant, this.#request(step)));
        return;
      case 'sweep':
        await delay(step.afterMs);
        await this.#sweep();
        return;
      case 'cancel': {
        const order = at(this.#orders, step.order);
        if (order) await orders.cancel(admin, this.tenant, order.id);
        return;
      }
      default: {
        const seat = at(this.#seats, step.session);
        if (seat) await this.#doAs(seat, seat.attachment.sessionId, step, sessions, orders);
      }
    }
  }

  async #doAs(
    seat: Seat,
    sessionId: string,
    step: Extract<Step, { session: number }>,
    sessions: TestBroker['core']['sessions'],
    orders: TestBroker['core']['orders'],
  ): Promise<void> {
    const orderId = 'order' in step ? (at(this.#orders, step.order)?.id ?? '') : '';
    const { identity } = seat.attachment;
    switch (step.do) {
      case 'drop':
        if (seat.attached) await sessions.detach(seat.attachment);
        seat.attached = false;
        return;
      case 'resume':
        if (!seat.attached) await this.#open(identity.user.id, seat);
        return;
      case 'signOut':
        await sessions.end(this.tenant, sessionId, { reason: 'user', by: { kind: 'user', id: identity.user.id } });
        return;
      case 'runOut':
        await this.#runOut(sessionId);
        return;
      case 'ack':
        await orders.ack(this.tenant, sessionId, { orderId, state: step.state });
        return;
      case 'extend':
        await orders.extend(this.tenant, sessionId, { orderId, ms: step.ms });
        return;
      case 'report':
        await this.#report(seat, step.answered);
        return;
      default:
    }
  }

  #request(step: Extract<Step, { do: 'order' }>) {
    const { action, graceMs, holdMs } = step;
    const target: OrderTarget =
      'session' in step.target
        ? { sessions: [at(this.#seats, step.target.session)?.attachment.sessionId ?? 'nobody'] }
        : step.target;
    return {
      action,
      target,
      graceMs,
      holdMs,
      message: 'Please save your work.',
      reason: 'admin',
      ...(step.spared === undefined ? {} : { except: { users: [step.spared] } }),
      ...(step.extendable ? { extend: { maxCount: 2, maxTotalMs: MOST_MS } } : {}),
      ...(step.denies ? { reentry: { denyMs: MOST_MS } } : {}),
    } as const;
  }

  async #open(user: string, seat?: Seat): Promise<void> {
    const identity = { ...administrator(this.tenant), user: { id: user, name: user, roles: ['user'] } };
    const resume = seat && { sessionId: seat.attachment.sessionId, key: seat.attachment.resumeKey };
    const { attachment } = await this.broker.core.sessions.open(identity, {
      address: '192.0.2.1',
      ...(resume ? { resume } : {}),
    });
    if (seat) Object.assign(seat, { attachment, attached: true });
    else this.#seats.push({ attachment, attached: true });
  }

  /** What the gateway does when it has closed the socket of an ended session. */
  async #report(seat: Seat, answered: boolean): Promise<void> {
    const { ended } = await this.broker.core.sessions.get(this.tenant, seat.attachment.sessionId);
    if (ended) await this.broker.core.sessions.report(seat.attachment, answered);
  }

  #key(name: string): string {
    return `lc:{${this.tenant}}:${name}`;
  }

  async #runOut(sessionId: string): Promise<void> {
    await this.#driver.commands.del(this.#key(`lease:${sessionId}`));
    await this.#driver.commands.zadd(this.#key('due'), 'XX', 1, `s:${sessionId}`);
  }

  async #sweep(): Promise<void> {
    const live = JSON.stringify([this.broker.core.nodes.id]);
    for (let more = true; more; ) {
      // A sweep that comes soon after the last one does nothing; this one is to.
      await this.#driver.commands.del(this.#key('swept'));
      ({ more } = await this.#store.run<{ more: boolean }>('sweep', this.tenant, [live, 0, 0]));
    }
  }

  /** Deadlines, extensions and holds are over; half of the ends are reported, the others are silent. */
  async #finish(): Promise<void> {
    await delay(3 * MOST_MS + 1);
    await this.#sweep();
    for (const [i, seat] of this.#seats.entries()) if (i % 2 === 0) await this.#report(seat, true);
    const { commands } = this.#driver;
    for (const { attachment } of this.#seats) {
      await commands.zadd(this.#key('due'), 'XX', 1, `v:${attachment.sessionId}`);
    }
    await this.#sweep();
    await this.#sweep();
  }
}

function at<T>(items: readonly T[], place: number): T | undefined {
  return items[place % Math.max(1, items.length)];
}
