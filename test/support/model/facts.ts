import type { EndReason, OrderRequest, OrderState, Outcome, SessionState } from '@lastcall/shared';

/** The settings of the model's tenants: short, for time costs nothing here but sweeps. */
export const POLICY = {
  beatMs: 1_000,
  leaseMs: 3_000,
  idleAfterMs: 2_000,
  idleLogoffMs: 0,
  maxAgeMs: 0,
  flushMs: 1_000,
  endedKeepMs: 86_400_000,
} as const;

/** Nobody swept for longer than this: a gap (S8). */
export const GAP_MS = 1_000;
/** Two sweeps closer together than this are one. */
export const QUIET_MS = 200;
/** A node that said nothing for this long is gone, and its sockets with it. */
export const SILENCE_MS = 5_000;
/** A silent client's end is proved this long after it. */
export const VERIFY_MS = 7_000;

export type ReceiptState = 'targeted' | 'delivered' | 'seen' | 'saving' | 'saved' | 'ended';

/** One session under one order. */
export interface ModelReceipt {
  state: ReceiptState;
  deliveredAt?: number;
  seenAt?: number;
  savedAt?: number;
  endedAt?: number;
  outcome?: Outcome;
  verified?: boolean;
  /** When the hold ends; absent: none was taken yet. */
  holdAt?: number;
  extensions: number;
  extendedMs: number;
}

export interface ModelOrder {
  readonly name: string;
  readonly id: string;
  readonly request: Required<Pick<OrderRequest, 'action' | 'target' | 'reason' | 'message'>> & OrderRequest;
  readonly issuer: string;
  readonly deadlineAt: number;
  readonly holdMs: number;
  readonly extend: OrderRequest['extend'];
  readonly denyMs: number;
  /** Whether later sessions may come under it. */
  readonly lasting: boolean;
  /** Instants at which it is told again, with the time that is left then; the first to come first (O17). */
  reminders: readonly { readonly at: number; readonly leftMs: number }[];
  state: OrderState;
  version: number;
  readonly receipts: Map<ModelSession, ModelReceipt>;
}

export interface ModelSession {
  readonly name: string;
  readonly id: string;
  readonly user: string;
  readonly app: string;
  readonly roles: readonly string[];
  /** The number of its newest socket. */
  attach: number;
  connected: boolean;
  idle: boolean;
  inputAt: number;
  beatAt: number;
  /** What was last heard of the input went with a lease that ran out: it may be older than what was said. */
  inputIsVague: boolean;
  /** The lease, while it runs or has run out; when it was last renewed. */
  leaseEndsAt: number;
  /** The lease as the last sweep found it. */
  leaseAtSweep: number;
  /** What gaps give: not before this, and how much at most. */
  staysUntil: number;
  gifts: number;
  /** Sockets that nodes hold: node by number. */
  readonly sockets: Map<number, string>;
  /** Orders in the order in which they came over it. */
  readonly over: ModelOrder[];
  answered: boolean;
  ended?: { readonly at: number; readonly reason: EndReason; readonly order: ModelOrder | undefined };
  deniedUntil: number;
  verified?: boolean;
}

export interface ModelBlock {
  readonly user: string;
  untilAt: number;
  readonly notBeforeAt?: number;
  /** Of a security order, once for each person; or of an ended session, by the orders over it. */
  readonly key: string;
  readonly orders: Map<ModelOrder, number>;
}

/** A record in short: what the model predicts of it. */
export interface Brief {
  readonly type: string;
  readonly session?: string;
  readonly order?: string;
  readonly about?: string;
  /** Of a lock that was granted. */
  readonly fence?: string;
}

export const textOf = ({ type, session, order, about }: Brief): string =>
  [type, session, order, about].filter((part) => part !== undefined && part !== '').join(' ');

export const isAlive = ({ state }: ModelOrder): boolean =>
  state === 'preparing' || state === 'pending' || state === 'closing';

const isOver = (order: ModelOrder): boolean => isAlive(order) && order.request.action === 'logoff';

/** When an order ends a session: deadline, more time, hold (O6, O14). */
export function endsAt(order: ModelOrder, session: ModelSession): number {
  const { extendedMs = 0, holdAt = 0 } = order.receipts.get(session) ?? {};
  return Math.max(order.deadlineAt + extendedMs, holdAt);
}

/** The order that ends a session first (O13). */
export function rulingOrder(session: ModelSession): ModelOrder | undefined {
  let first: ModelOrder | undefined;
  for (const order of session.over) {
    if (isOver(order) && (!first || endsAt(order, session) < endsAt(first, session))) first = order;
  }
  return first;
}

/** S11. */
export function stateOf(session: ModelSession): SessionState {
  if (session.ended) return 'ended';
  if (!session.connected) return 'disconnected';
  const over = session.over.filter(isOver);
  if (over.some((order) => order.receipts.get(session)?.state === 'saving')) return 'saving';
  if (over.length > 0) return 'warned';
  return session.idle ? 'idle' : 'active';
}

/** O1. `vague`: what is observed, where the last input is not known exactly. */
export function isHit(order: ModelOrder, session: ModelSession, now: number, vague: boolean): boolean {
  const { target, except, includeSelf } = order.request;
  if (!includeSelf && session.user === order.issuer) return false;
  const matches = (wanted: OrderRequest['target']): boolean =>
    wanted.all === true ||
    (wanted.sessions?.includes(session.id) ?? false) ||
    (wanted.users?.includes(session.user) ?? false) ||
    (wanted.apps?.includes(session.app) ?? false) ||
    (wanted.roles?.some((role) => session.roles.includes(role)) ?? false) ||
    (wanted.minIdleMs !== undefined &&
      (session.inputIsVague ? vague : now - session.inputAt >= wanted.minIdleMs));
  return matches(target) && !(except && matches(except));
}

/** Counts are what receipts say. */
export function countsOf(receipts: readonly ModelReceipt[]): Record<string, number> {
  const having = (is: (receipt: ModelReceipt) => boolean): number => receipts.filter(is).length;
  return {
    targeted: receipts.length,
    delivered: having(({ deliveredAt }) => deliveredAt !== undefined),
    seen: having(({ seenAt }) => seenAt !== undefined),
    saving: having(({ state }) => state === 'saving'),
    saved: having(({ savedAt }) => savedAt !== undefined),
    ended: having(({ endedAt }) => endedAt !== undefined),
    verified: having(({ verified }) => verified === true),
    unverified: having(({ verified }) => verified === false),
  };
}

/** What a client is told of an order over its session. */
export function warningOf(order: ModelOrder, session: ModelSession): object {
  return {
    orderId: order.name,
    version: order.version,
    action: order.request.action,
    deadlineAt: endsAt(order, session),
    extendable: order.extend !== undefined,
    holdable: order.request.action === 'logoff' && order.holdMs > 0,
  };
}

/** What stands in the registry of a session, as far as it is the model's. */
export function factsOf(session: ModelSession): object {
  const ruling = session.ended ? undefined : rulingOrder(session);
  return {
    state: stateOf(session),
    attach: session.attach,
    sockets: [...session.sockets].map(([attach, node]) => `${attach} ${node}`).toSorted(),
    ...(session.ended
      ? {
          endedAt: session.ended.at,
          reason: session.ended.reason,
          order: session.ended.order?.name ?? '',
          verified: session.verified ?? 'open',
        }
      : { order: ruling?.name ?? '', deadlineAt: ruling ? endsAt(ruling, session) : 0 }),
  };
}
