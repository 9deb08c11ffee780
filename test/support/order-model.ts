import { setTimeout as delay } from 'node:timers/promises';
import { type AuditRecord, LastcallError, type Order, type OrderRequest } from '@lastcall/shared';
import fc from 'fast-check';
import type { Attachment } from 'lastcall/internal/attachments.js';
import type { Core } from 'lastcall/internal/core.js';
import { connectRedis, type RedisDriver } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { administrator, freshTenant, TestBroker } from './broker.js';
import { testStore } from './redis.js';

const USERS = ['ada', 'grace', 'root'] as const;
/** Longest grace, hold and extension. */
const MOST_MS = 80;

const place = fc.noBias(fc.nat({ max: 11 }));
const ms = fc.noBias(fc.nat({ max: MOST_MS }));
const anyOf = <const T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const step = <A extends string, R extends object>(
  weight: number,
  names: readonly A[],
  more: fc.Arbitrary<R>,
) => ({
  weight,
  arbitrary: fc.tuple(anyOf(...names), more).map(([what, rest]) => ({ do: what, ...rest })),
});

/** What may happen. Sessions and orders are named by a place, taken modulo what there is. */
export const steps = fc.oneof(
  step(1, ['open'], fc.record({ user: anyOf(...USERS) })),
  step(3, ['drop', 'resume', 'resume'], fc.record({ session: place })),
  step(1, ['signOut', 'runOut'], fc.record({ session: place })),
  step(2, ['report'], fc.record({ session: place, answered: fc.boolean() })),
  step(
    6,
    ['order'],
    fc.record({
      action: anyOf('logoff', 'logoff', 'logoff', 'warn'),
      target: anyOf('all', 'ada', 'session', 'session'),
      session: place,
      spared: anyOf('nobody', 'nobody', 'grace'),
      graceMs: ms,
      holdMs: ms,
      extendable: fc.boolean(),
      denies: fc.boolean(),
    }),
  ),
  step(
    12,
    ['ack'],
    fc.record({ session: place, order: place, state: anyOf('seen', 'saving', 'saving', 'saved') }),
  ),
  step(5, ['extend'], fc.record({ session: place, order: place, ms })),
  step(1, ['cancel'], fc.record({ order: place })),
  step(4, ['sweep'], fc.record({ afterMs: fc.noBias(fc.nat({ max: 12 })) })),
);
type Made<A> = A extends fc.Arbitrary<infer S> ? S : never;
export type Step = Made<typeof steps>;
type StepOf<D extends Step['do']> = Extract<Step, { do: D }>;
type Deeds = { readonly [D in Step['do']]: (step: StepOf<D>) => Promise<unknown> };

const REFUSALS = new Set([
  'not_found',
  'conflict',
  'session_ended',
  'extension_refused',
  'blocked',
  'superseded',
]);

/** A broker that sweeps only when it is told to, so that what happens between two sweeps is chosen. */
export class OrderModel {
  readonly core: Core;
  readonly #broker: TestBroker;
  readonly #driver: RedisDriver;

  private constructor(broker: TestBroker, driver: RedisDriver) {
    this.core = broker.core;
    this.#broker = broker;
    this.#driver = driver;
  }

  static async start(): Promise<OrderModel> {
    const { url } = await testStore();
    const broker = await TestBroker.start();
    broker.core.sweeper.stop();
    return new OrderModel(broker, await connectRedis({ url }));
  }

  async stop(): Promise<void> {
    await this.#driver.close();
    await this.#broker.close();
  }

  /** Does the steps in a tenant of their own, then lets every time be over; answers the tenant. */
  async run(todo: readonly Step[]): Promise<string> {
    const world = new World(this.core, this.#driver);
    const leave = this.core.bus.listen((tenant, record) => {
      if (tenant === world.tenant) world.hear(record);
    });
    await world.run(todo);
    leave();
    return world.tenant;
  }
}

interface Seat {
  attachment: Attachment;
  attached: boolean;
}

/** Sessions and orders of one tenant. */
class World {
  readonly tenant = freshTenant();
  readonly #core: Core;
  readonly #driver: RedisDriver;
  readonly #store: Store;
  readonly #admin = administrator(this.tenant);
  readonly #seats: Seat[] = [];
  readonly #orders: Order[] = [];
  readonly #ended = new Set<string>();
  readonly #over = new Set<string>();
  /** Which session came under which order. */
  readonly #pairs: { sessionId: string; orderId: string }[] = [];

  constructor(core: Core, driver: RedisDriver) {
    this.#core = core;
    this.#driver = driver;
    this.#store = new Store(driver);
  }

  async run(todo: readonly Step[]): Promise<void> {
    for (const user of USERS) await this.#open(user);
    for (const one of todo) {
      try {
        await (this.#deeds[one.do] as (step: Step) => Promise<unknown>)(one);
      } catch (error) {
        // Refusals are answers; the history shows whether they were right.
        if (!(error instanceof LastcallError && REFUSALS.has(error.code))) throw error;
      }
    }
    await this.#finish();
  }

  /** Learns who is left, so that what is chosen next mostly happens to those. */
  hear({ type, sessionId = '', orderId = '', details }: AuditRecord): void {
    if (type === 'session.ended') this.#ended.add(sessionId);
    if (type === 'order.done' || type === 'order.cancelled') this.#over.add(orderId);
    const targeted = details?.['targeted'];
    if (!Array.isArray(targeted)) return;
    for (const one of targeted) this.#pairs.push({ sessionId: String(one), orderId });
  }

  readonly #deeds: Deeds = {
    open: ({ user }) => this.#open(user),
    drop: async ({ session }) => {
      const seat = await this.#living(session);
      if (!seat?.attached) return;
      seat.attached = false;
      await this.#core.sessions.detach(seat.attachment);
    },
    resume: async ({ session }) => {
      const seat = at(
        this.#seats.filter(({ attached }) => !attached),
        session,
      );
      if (seat) await this.#open(seat.attachment.identity.user.id, seat);
    },
    signOut: async ({ session }) => {
      const seat = await this.#living(session);
      if (seat)
        await this.#core.sessions.end(this.tenant, idOf(seat), { reason: 'user', by: { kind: 'user' } });
    },
    runOut: async ({ session }) => {
      const seat = await this.#living(session);
      if (!seat) return;
      await this.#driver.commands.del(this.#key(`lease:${idOf(seat)}`));
      await this.#driver.commands.zadd(this.#key('due'), 'XX', 1, `s:${idOf(seat)}`);
    },
    report: async ({ session, answered }) => {
      const seat = at(this.#seats, session);
      if (seat) await this.#report(seat, answered);
    },
    order: async (wanted) => {
      this.#orders.push(
        await this.#core.orders.create(this.#admin, this.tenant, await this.#request(wanted)),
      );
    },
    ack: async ({ session, order, state }) => {
      const pair = this.#under(session, order);
      if (pair) await this.#core.orders.ack(this.tenant, pair.sessionId, { orderId: pair.orderId, state });
    },
    extend: async ({ session, order, ms: more }) => {
      const pair = this.#under(session, order);
      if (pair)
        await this.#core.orders.extend(this.tenant, pair.sessionId, { orderId: pair.orderId, ms: more });
    },
    cancel: async ({ order }) => {
      const found = at(this.#orders.slice(-3), order);
      if (found) await this.#core.orders.cancel(this.#admin, this.tenant, found.id);
    },
    sweep: async ({ afterMs }) => {
      await delay(afterMs);
      await this.#sweep();
    },
  };

  async #request(wanted: StepOf<'order'>): Promise<OrderRequest> {
    const { action, graceMs, holdMs, target, spared, extendable, denies } = wanted;
    const seat = await this.#living(wanted.session);
    return {
      action,
      target:
        target === 'all'
          ? { all: true }
          : target === 'ada'
            ? { users: ['ada'] }
            : { sessions: [seat ? idOf(seat) : '?'] },
      graceMs,
      holdMs,
      message: 'Please save your work.',
      reason: 'admin',
      ...(spared === 'nobody' ? {} : { except: { users: [spared] } }),
      ...(extendable ? { extend: { maxCount: 2, maxTotalMs: MOST_MS } } : {}),
      ...(denies ? { reentry: { denyMs: MOST_MS } } : {}),
    };
  }

  async #open(user: string, seat?: Seat): Promise<void> {
    const identity = { ...this.#admin, user: { id: user, name: user, roles: ['user'] } };
    const resume = seat && { sessionId: idOf(seat), key: seat.attachment.resumeKey };
    const { attachment } = await this.#core.sessions.open(identity, {
      address: '192.0.2.1',
      ...(resume ? { resume } : {}),
    });
    if (seat) Object.assign(seat, { attachment, attached: true });
    else this.#seats.push({ attachment, attached: true });
  }

  /** A session that has not ended; if there is none, a new one. */
  async #living(session: number): Promise<Seat | undefined> {
    const living = (): Seat | undefined =>
      at(
        this.#seats.filter((seat) => !this.#ended.has(idOf(seat))),
        session,
      );
    if (!living()) await this.#open(USERS[session % USERS.length] ?? 'ada');
    return living();
  }

  /** A living session under an order that is not over; now and then whichever. */
  #under(session: number, order: number): { sessionId: string; orderId: string } | undefined {
    const now = this.#pairs.filter(
      (pair) => !this.#ended.has(pair.sessionId) && !this.#over.has(pair.orderId),
    );
    return at(order === 0 ? this.#pairs : now, session);
  }

  /** What the gateway does when it has closed the socket of an ended session. */
  async #report(seat: Seat, answered: boolean): Promise<void> {
    const { ended } = await this.#core.sessions.get(this.tenant, idOf(seat));
    if (ended && seat.attached) await this.#core.sessions.report(seat.attachment, answered);
  }

  #key(name: string): string {
    return `lc:{${this.tenant}}:${name}`;
  }

  async #sweep(): Promise<void> {
    const live = JSON.stringify([this.#core.nodes.id]);
    for (let more = true; more; ) {
      // A sweep that comes soon after the last one does nothing; this one is to.
      await this.#driver.commands.del(this.#key('swept'));
      ({ more } = await this.#store.run<{ more: boolean }>('sweep', this.tenant, [live, 0, 0, 0]));
    }
  }

  /** Deadlines, extensions and holds are over; half of the ends are reported, the others are silent. */
  async #finish(): Promise<void> {
    await delay(3 * MOST_MS + 1);
    await this.#sweep();
    for (const [i, seat] of this.#seats.entries()) if (i % 2 === 0) await this.#report(seat, true);
    for (const seat of this.#seats) {
      await this.#driver.commands.zadd(this.#key('due'), 'XX', 1, `v:${idOf(seat)}`);
    }
    await this.#sweep();
    await this.#sweep();
  }
}

const idOf = ({ attachment }: Seat): string => attachment.sessionId;

function at<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(1, items.length)];
}
