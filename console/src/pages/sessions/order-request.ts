import {
  MAX_TARGET_LIST,
  type OrderAction,
  type OrderReason,
  type OrderRequest,
  type OrderTarget,
  type Session,
} from '@lastcall/shared';

/** Whom an administrator is about to give an order: these sessions, or everybody. */
export type Whom = 'everybody' | readonly Session[];

/** What an administrator chooses for an order; `undefined` leaves it to policy. */
export interface Draft {
  readonly action: OrderAction;
  readonly message: string;
  readonly reason: OrderReason;
  readonly graceMs: number | undefined;
  readonly holdMs: number | undefined;
  readonly denyMs: number;
  readonly extendMs: number;
}

export const firstDraft = (action: OrderAction, message: string): Draft => ({
  action,
  message,
  reason: 'admin',
  graceMs: undefined,
  holdMs: undefined,
  denyMs: 0,
  extendMs: 0,
});

/** Extensions each session may take, of together what the administrator allows. */
const MAX_EXTENSIONS = 3;

/** Whether so many can be named in one order. */
export const canBeNamed = (whom: Whom): boolean => whom === 'everybody' || whom.length <= MAX_TARGET_LIST;

function targetOf(whom: Whom): OrderTarget {
  return whom === 'everybody' ? { all: true } : { sessions: whom.map(({ id }) => id) };
}

export function requestOf(draft: Draft, whom: Whom): OrderRequest {
  const { action, message, reason, graceMs, holdMs, denyMs, extendMs } = draft;
  const isLogoff = action === 'logoff';
  const isAtOnce = reason === 'security';
  return {
    action,
    target: targetOf(whom),
    message: message.trim(),
    reason,
    ...(graceMs === undefined || isAtOnce ? {} : { graceMs }),
    ...(holdMs === undefined || isAtOnce || !isLogoff ? {} : { holdMs }),
    ...(denyMs > 0 && isLogoff ? { reentry: { denyMs } } : {}),
    ...(extendMs > 0 && isLogoff && !isAtOnce
      ? { extend: { maxCount: MAX_EXTENSIONS, maxTotalMs: extendMs } }
      : {}),
  };
}
