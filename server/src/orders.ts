import {
  type AckState,
  type Actor,
  type Identity,
  LastcallError,
  type Order,
  type OrderCounts,
  type OrderExcept,
  type OrderRequest,
  type OrderState,
  type OrderTarget,
  type Page,
  type Policy,
  REMINDER_LADDER_MS,
  type Receipt,
  type Session,
  type UserRef,
} from '@lastcall/shared';
import { v7 as uuid } from 'uuid';
import type { Metrics } from './metrics.js';
import type { Nodes } from './nodes.js';
import type { Policies } from './policy.js';
import { listOf, recordOf, type Store } from './redis/store.js';
import type { Sessions } from './sessions.js';

export interface OrderFilter {
  readonly by?: string;
  readonly state?: OrderState;
}

export interface OrderPreview {
  readonly dryRun: true;
  readonly total: number;
  readonly items: readonly Session[];
  readonly spared?: UserRef;
}

const READ_PAGE = 100;
const LOOK_LIMIT = 5_000;
/** Steps one call makes on its own; the sweep makes the others. 50 sessions each. */
const STEP_LIMIT = 5_000;
/** Steps that are asked for together. */
const STEPS_AT_ONCE = 2;
/** How many of those a rehearsal would hit are told one by one. */
const PREVIEW_ITEMS = 100;

/** JSON of a field that may be absent or empty; whoever stored it knows what it is. */
const json = (text: string | undefined): unknown => (text ? JSON.parse(text) : undefined);

/** The counters of an order as it is stored. */
export function countsOf(h: Readonly<Record<string, string>>): OrderCounts {
  const count = (name: keyof OrderCounts): number => Number(h[name] ?? 0);
  return {
    targeted: count('targeted'),
    delivered: count('delivered'),
    seen: count('seen'),
    saving: count('saving'),
    saved: count('saved'),
    ended: count('ended'),
    verified: count('verified'),
    unverified: count('unverified'),
  };
}

function orderOf(h: Readonly<Record<string, string>>): Order {
  const except = json(h['except']) as OrderExcept | undefined;
  const extend = json(h['extend']) as NonNullable<OrderRequest['extend']> | undefined;
  const spared = json(h['spared']) as UserRef | undefined;
  const denyMs = Number(h['denyMs'] ?? 0);
  return {
    id: h['id'] as string,
    version: Number(h['version']),
    state: h['state'] as OrderState,
    action: h['action'] as Order['action'],
    target: (json(h['target']) as OrderTarget | undefined) ?? {},
    ...(except ? { except } : {}),
    includeSelf: h['includeSelf'] === '1',
    message: h['message'] as string,
    reason: h['reason'] as Order['reason'],
    graceMs: Number(h['graceMs']),
    holdMs: Number(h['holdMs']),
    ...(extend ? { extend } : {}),
    ...(denyMs > 0 ? { reentry: { denyMs } } : {}),
    by: (json(h['by']) as Actor | undefined) ?? { kind: 'system' },
    createdAt: Number(h['createdAt']),
    deadlineAt: Number(h['deadlineAt']),
    ...(spared ? { spared } : {}),
    counts: countsOf(h),
  };
}

function isListed(order: Order, filter: OrderFilter): boolean {
  if (filter.state !== undefined && order.state !== filter.state) return false;
  return filter.by === undefined || filter.by === 'policy' || order.by.id === filter.by;
}

/** Instructions to warn sessions, or to warn them and log them off, with a receipt for each. */
export class Orders {
  readonly #store: Store;
  readonly #policies: Policies;
  readonly #sessions: Sessions;
  readonly #nodes: Nodes;
  readonly #metrics: Pick<Metrics, 'orderCreated'>;
  readonly #kick: (tenant: string) => void;

  constructor(parts: {
    store: Store;
    policies: Policies;
    sessions: Sessions;
    nodes: Nodes;
    metrics: Pick<Metrics, 'orderCreated'>;
    kick: (tenant: string) => void;
  }) {
    this.#store = parts.store;
    this.#policies = parts.policies;
    this.#sessions = parts.sessions;
    this.#nodes = parts.nodes;
    this.#metrics = parts.metrics;
    this.#kick = parts.kick;
  }

  /**
   * Stores an order, then warns whom it hits. When this resolves the order will be carried out, whoever dies.
   * @throws LastcallError `rate_limited` when too many orders are open
   */
  async create(issuer: Identity, tenant: string, request: OrderRequest): Promise<Order> {
    const policy = await this.#policies.get(tenant);
    const id = uuid();
    await this.#store.addTenant(tenant);
    const args = [
      id,
      JSON.stringify(this.#withDefaults(request, policy)),
      JSON.stringify(actorOf(issuer)),
      ownIn(tenant, issuer),
    ];
    const { more } = await this.#store.run<{ more: boolean }>('order_create', tenant, args);
    const order = await this.get(tenant, id);
    await this.#store.persisted();
    this.#metrics.orderCreated(request.action);
    if (more) void this.#goOn(tenant, id);
    this.#kick(tenant);
    return order;
  }

  /** Whom an order would hit, without giving it. */
  async preview(issuer: Identity, tenant: string, request: OrderRequest): Promise<OrderPreview> {
    const fixed = [
      JSON.stringify(request.target),
      request.except ? JSON.stringify(request.except) : '',
      request.includeSelf ? '' : ownIn(tenant, issuer),
    ];
    const guards = request.action === 'logoff' && request.includeSelf !== true ? '1' : '0';
    const found = new Set<string>();
    let spared: UserRef | undefined;
    let cursor: string | undefined = '0';
    for (let step = 0; cursor !== undefined && step < STEP_LIMIT; step += 1) {
      type Step = { sessions: string[]; cursor?: string; spared?: UserRef };
      const answer: Step = await this.#store.run('order_preview', tenant, [...fixed, cursor, guards]);
      ({ spared } = answer);
      for (const sessionId of listOf(answer.sessions)) found.add(sessionId);
      cursor = answer.cursor;
    }
    const items = await this.#sessions.byIds(tenant, [...found].slice(0, PREVIEW_ITEMS));
    return { dryRun: true, total: found.size, items, ...(spared ? { spared } : {}) };
  }

  /** @throws LastcallError `not_found` */
  async get(tenant: string, orderId: string): Promise<Order> {
    const stored = await this.#store.order(tenant, orderId);
    if (!stored['id'])
      throw new LastcallError('not_found', 'There is no such order. Look at the list again.');
    return orderOf(stored);
  }

  /** A page of orders, newest first; endings by policy only when asked for (`by: "policy"`). */
  async list(
    tenant: string,
    filter: OrderFilter,
    page: { limit: number; cursor?: string },
  ): Promise<Page<Order>> {
    const items: Order[] = [];
    const index = filter.by === 'policy' ? 'policyOrders' : 'orders';
    let cursor: string | undefined = page.cursor ?? '+inf';
    for (let looked = 0; cursor !== undefined && looked < LOOK_LIMIT; looked += READ_PAGE) {
      const size = Math.min(READ_PAGE, page.limit - items.length);
      const answer: { items: string[][]; cursor?: string } = await this.#store.run('order_list', tenant, [
        cursor,
        size,
        index,
      ]);
      const orders = listOf(answer.items).map((flat) => orderOf(recordOf(flat)));
      items.push(...orders.filter((order) => isListed(order, filter)));
      cursor = answer.cursor;
      if (items.length >= page.limit) break;
    }
    return cursor === undefined ? { items } : { items, next: cursor };
  }

  /** A page of receipts, one per session the order hit. */
  async receipts(
    tenant: string,
    orderId: string,
    page: { limit: number; cursor?: string },
  ): Promise<Page<Receipt>> {
    const items: Receipt[] = [];
    let cursor: string | undefined = page.cursor ?? '-inf';
    while (cursor !== undefined && items.length < page.limit) {
      const size = Math.min(READ_PAGE, page.limit - items.length);
      const answer: { items: [string, string][]; cursor?: string } = await this.#store.run(
        'order_receipts',
        tenant,
        [orderId, cursor, size],
      );
      for (const [sessionId, text] of listOf(answer.items)) {
        items.push({ sessionId, ...(JSON.parse(text) as Omit<Receipt, 'sessionId'>) });
      }
      cursor = answer.cursor;
    }
    return cursor === undefined ? { items } : { items, next: cursor };
  }

  /** What became of one session under an order; `undefined`: the order did not hit it. */
  async receipt(tenant: string, orderId: string, sessionId: string): Promise<Receipt | undefined> {
    const text = await this.#store.receipt(tenant, orderId, sessionId);
    return text === null ? undefined : { sessionId, ...(JSON.parse(text) as Omit<Receipt, 'sessionId'>) };
  }

  /** Cancels an order. @throws LastcallError `conflict` once it is closing, `not_found` */
  async cancel(issuer: Identity, tenant: string, orderId: string): Promise<Order> {
    const args = [orderId, JSON.stringify(actorOf(issuer))];
    const { more } = await this.#store.run<{ more: boolean }>('order_cancel', tenant, args);
    await this.#store.persisted();
    if (more) void this.#goOn(tenant, orderId);
    return await this.get(tenant, orderId);
  }

  /** What a client says of an order; answers what is left. `saved` ends the session under a logoff at once. */
  async ack(
    tenant: string,
    sessionId: string,
    ack: { orderId: string; state: AckState; why?: string },
  ): Promise<{ deadlineMs: number; holdMs: number; endsAt: number }> {
    const args = [sessionId, ack.orderId, ack.state, ack.why ?? '', this.#nodes.aliveJson()];
    return await this.#store.run('order_ack', tenant, args);
  }

  /** More time for one session. @throws LastcallError `extension_refused` */
  async extend(
    tenant: string,
    sessionId: string,
    extension: { orderId: string; ms: number },
  ): Promise<{ deadlineMs: number }> {
    return await this.#store.run('order_extend', tenant, [sessionId, extension.orderId, extension.ms]);
  }

  /** Notes that these sessions' clients acknowledged the warning (at most 200). */
  async delivered(tenant: string, orderId: string, sessionIds: readonly string[]): Promise<void> {
    await this.#store.run('order_delivered', tenant, [orderId, ...sessionIds]);
  }

  #withDefaults(request: OrderRequest, policy: Policy): object {
    const { dryRun: _dryRun, reentry, ...rest } = request;
    return {
      ...rest,
      includeSelf: request.includeSelf ?? false,
      graceMs: request.graceMs ?? policy.graceMs,
      holdMs: request.holdMs ?? policy.holdMs,
      denyMs: reentry?.denyMs ?? 0,
      ladderMs: REMINDER_LADDER_MS,
    };
  }

  /** Takes the remaining steps at once instead of at the pace of the sweep, which goes on if this fails. */
  async #goOn(tenant: string, orderId: string): Promise<void> {
    try {
      for (let taken = 0; taken < STEP_LIMIT; ) {
        // From the second on Redis need not wait while this node tells people of the one before.
        const steps = Array.from({ length: taken === 0 ? 1 : STEPS_AT_ONCE }, () =>
          this.#store.run<{ more: boolean }>('order_step', tenant, [orderId]),
        );
        taken += steps.length;
        if ((await Promise.all(steps)).at(-1)?.more !== true) return;
      }
    } catch {
      // The order is stored and due: the sweep of any node takes the steps that are left.
    }
  }
}

/** The user whose sessions are the issuer's own: nobody in a tenant of which the issuer is not. */
function ownIn(tenant: string, issuer: Identity): string {
  return issuer.tenant === tenant ? issuer.user.id : '';
}

/** An administrator as records name them. */
export function actorOf(identity: Identity): Actor {
  return { kind: 'admin', id: identity.user.id, name: identity.user.name };
}
