import type {
  AuditRecord,
  AuditType,
  Order,
  OrderRequest,
  OrderState,
  OrderTarget,
  Receipt,
  Session,
} from '@lastcall/shared';
import type { Opened } from 'lastcall/internal/sessions.js';
import { administrator, type TestBroker, type TestClient } from './broker.js';
import { checkHistory } from './history.js';
import { Observed, observing } from './observed.js';
import { waitUntil } from './wait.js';

/** Long enough that no deadline comes while a test looks at what is before it. */
export const LONG_MS = 600_000;
/** The promise is 1 s; on a machine that others use nothing is broken before this. */
export const LATE_MS = 3_000;

type More = Partial<Omit<OrderRequest, 'target' | 'action'>>;

export const sessionsOf = (...clients: { readonly sessionId: string }[]): OrderTarget => ({
  sessions: clients.map(({ sessionId }) => sessionId),
});

/** A broker for a suite; each test gets a tenant of its own, whose whole history is checked afterwards. */
export class OrderBench extends Observed {
  get admin() {
    return administrator(this.tenant);
  }

  get orders() {
    return this.broker.core.orders;
  }

  connect(sub: string, options: Parameters<TestBroker['connect']>[2] = {}): Promise<TestClient> {
    return this.broker.connect(this.tenant, sub, options);
  }

  /** Sessions without sockets, as if their node had them: many, and at once. */
  async open(
    count: number,
    who: (i: number) => { id: string; roles?: readonly string[]; app?: string } = (i) => ({
      id: `user-${i}`,
    }),
  ): Promise<readonly Opened[]> {
    return await Promise.all(
      Array.from({ length: count }, (_, i) => {
        const { id, roles = ['user'], app } = who(i);
        const identity = { ...this.admin, user: { id, name: `${id} by name`, roles } };
        return this.broker.core.sessions.open(identity, {
          address: '192.0.2.1',
          ...(app === undefined ? {} : { app: { name: app } }),
        });
      }),
    );
  }

  warn(target: OrderTarget, more: More = {}): Promise<Order> {
    return this.#give('warn', target, more);
  }

  logoff(target: OrderTarget, more: More = {}): Promise<Order> {
    return this.#give('logoff', target, more);
  }

  cancel({ id }: Order): Promise<Order> {
    return this.orders.cancel(this.admin, this.tenant, id);
  }

  get({ id }: Order): Promise<Order> {
    return this.orders.get(this.tenant, id);
  }

  /** Waits for an order to get into a state; answers it then. */
  async until(order: Order, state: OrderState, withinMs = 10_000): Promise<Order> {
    await waitUntil(
      async () => (await this.get(order)).state === state,
      `the order to be ${state}`,
      withinMs,
    );
    return await this.get(order);
  }

  async receipts({ id }: Order): Promise<readonly Receipt[]> {
    const page = await this.orders.receipts(this.tenant, id, { limit: 1_000 });
    return page.items;
  }

  /** The receipt of one session. */
  async receipt(order: Order, { sessionId }: { readonly sessionId: string }): Promise<Receipt> {
    const receipt = (await this.receipts(order)).find((one) => one.sessionId === sessionId);
    if (!receipt) throw new Error('the order did not hit this session');
    return receipt;
  }

  /** Waits until a receipt is as it should be. */
  async receiptWhen(
    order: Order,
    client: { readonly sessionId: string },
    isWanted: (receipt: Receipt) => boolean,
  ): Promise<Receipt> {
    await waitUntil(async () => isWanted(await this.receipt(order, client)), 'the receipt', 10_000);
    return await this.receipt(order, client);
  }

  /** Whom an order hit, by user. */
  async hit(order: Order): Promise<readonly string[]> {
    return (await this.receipts(order)).map(({ user }) => user.id).toSorted();
  }

  session({ sessionId }: { readonly sessionId: string }): Promise<Session> {
    return this.broker.core.sessions.get(this.tenant, sessionId);
  }

  /** Records of a type, oldest first. */
  async records(type: AuditType): Promise<readonly AuditRecord[]> {
    const { items } = await this.broker.core.audit.list(this.tenant, { type }, { limit: 1_000 });
    return items.toReversed();
  }

  /** The record of a session's end. */
  async end({ sessionId }: { readonly sessionId: string }): Promise<AuditRecord> {
    const find = async (): Promise<AuditRecord | undefined> =>
      (await this.records('session.ended')).find((record) => record.sessionId === sessionId);
    await waitUntil(async () => (await find()) !== undefined, 'the end of the session', 10_000);
    return (await find()) as AuditRecord;
  }

  key(name: string): string {
    return `lc:{${this.tenant}}:${name}`;
  }

  /** Takes a session's lease away, as if it had run out. */
  async runOut({ sessionId }: { readonly sessionId: string }): Promise<void> {
    await this.redis.del(this.key(`lease:${sessionId}`));
    await this.redis.zAdd(this.key('due'), { score: 1, value: `s:${sessionId}` });
  }

  async #give(action: OrderRequest['action'], target: OrderTarget, more: More): Promise<Order> {
    const fixed = { action, target, message: 'Please save your work.', reason: 'admin' } as const;
    return await this.orders.create(this.admin, this.tenant, {
      ...fixed,
      graceMs: LONG_MS,
      holdMs: 0,
      ...more,
    });
  }
}

/** For the top of a suite. After each test everything that was recorded is checked [P4, A1]. */
export function useOrders(): OrderBench {
  const bench = observing(new OrderBench());
  afterEach(async function () {
    if (this.currentTest?.state === 'passed') await checkHistory(bench.broker.core, bench.tenant);
  });
  return bench;
}
