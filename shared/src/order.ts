import type { Actor, UserRef } from './identity.js';
import type { EndReason } from './session.js';

/** Order states (PROTOCOL section 5). */
export const ORDER_STATES = ['preparing', 'pending', 'closing', 'done', 'cancelled'] as const;
export type OrderState = (typeof ORDER_STATES)[number];

/** Which state may follow which; total. An order for nobody goes from `preparing` to `done` at once. */
export const ORDER_TRANSITIONS: Readonly<Record<OrderState, Readonly<Record<OrderState, boolean>>>> = {
  preparing: { preparing: false, pending: true, closing: true, done: true, cancelled: true },
  pending: { preparing: false, pending: false, closing: true, done: true, cancelled: true },
  closing: { preparing: false, pending: false, closing: false, done: true, cancelled: false },
  done: { preparing: false, pending: false, closing: false, done: false, cancelled: false },
  cancelled: { preparing: false, pending: false, closing: false, done: false, cancelled: false },
};

export const ORDER_ACTIONS = ['warn', 'logoff'] as const;
export type OrderAction = (typeof ORDER_ACTIONS)[number];

/** Why an administrator gives an order; becomes the end reason of the sessions it ends. */
export const ORDER_REASONS = ['admin', 'maintenance', 'security', 'unresponsive'] as const;
export type OrderReason = (typeof ORDER_REASONS)[number];

const MINUTE_MS = 60_000;

/** How long before its deadline an order is told again, the longest first; longer ones than its grace do not count. */
export const REMINDER_LADDER_MS: readonly number[] = [
  ...[60, 30, 15, 10, 5, 4, 3, 2, 1].map((minutes) => minutes * MINUTE_MS),
  30_000,
];

/** Whom an order is for: everybody, or whoever matches any of the lists. */
export interface OrderTarget {
  readonly all?: true;
  readonly sessions?: readonly string[];
  readonly users?: readonly string[];
  readonly roles?: readonly string[];
  readonly apps?: readonly string[];
  readonly minIdleMs?: number;
}

/** Whom an order spares, though its target names them. */
export type OrderExcept = Omit<OrderTarget, 'all'>;

export interface OrderRequest {
  readonly action: OrderAction;
  readonly target: OrderTarget;
  readonly except?: OrderExcept;
  /** Without it the issuer's own sessions are spared. */
  readonly includeSelf?: boolean;
  readonly message: string;
  readonly reason: OrderReason;
  readonly graceMs?: number;
  readonly holdMs?: number;
  readonly extend?: { readonly maxCount: number; readonly maxTotalMs: number };
  readonly reentry?: { readonly denyMs: number };
  readonly dryRun?: boolean;
}

/** How many sessions stand where. `ended`, `verified` and `unverified` count decided receipts. */
export interface OrderCounts {
  readonly targeted: number;
  readonly delivered: number;
  readonly seen: number;
  readonly saving: number;
  readonly saved: number;
  readonly ended: number;
  readonly verified: number;
  readonly unverified: number;
}

/** `reason` is an administrator's, or policy's own: `idle`, `max_age`, `token_expired`, `replaced`. */
export interface Order extends Omit<OrderRequest, 'dryRun' | 'reason'> {
  readonly reason: EndReason;
  readonly id: string;
  readonly version: number;
  readonly state: OrderState;
  readonly by: Actor;
  readonly createdAt: number;
  readonly deadlineAt: number;
  /** The administrator it leaves in, because otherwise none would be. */
  readonly spared?: UserRef;
  readonly counts: OrderCounts;
}

/** What a client says of an order: it was shown, the work is being saved, it is saved. */
export const ACK_STATES = ['seen', 'saving', 'saved'] as const;
export type AckState = (typeof ACK_STATES)[number];

/** `clean`: said saved or signed out; `forced`: ended and its client answered; `fenced`: no answer; `gone`: had ended before. */
export const OUTCOMES = ['clean', 'forced', 'fenced', 'gone'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Check {
  readonly ok: boolean;
  readonly detail?: string;
}

/** The four proofs of a logoff: ended in the registry, no live socket, no lock, return refused. */
export interface Checks {
  readonly registry: Check;
  readonly sockets: Check;
  readonly locks: Check;
  readonly reentry: Check;
}

/** How far a session is under an order. */
export const RECEIPT_STATES = ['targeted', 'delivered', 'seen', 'saving', 'saved', 'ended'] as const;
export type ReceiptState = (typeof RECEIPT_STATES)[number];

/** What became of one session under one order. */
export interface Receipt {
  readonly sessionId: string;
  readonly user: UserRef;
  readonly state: ReceiptState;
  readonly deliveredAt?: number;
  readonly seenAt?: number;
  readonly savedAt?: number;
  readonly endedAt?: number;
  readonly outcome?: Outcome;
  /** Absent while the receipt is undecided. */
  readonly verified?: boolean;
  readonly checks?: Checks;
}
