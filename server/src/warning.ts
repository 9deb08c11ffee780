import type { WarningPush } from '@lastcall/shared';
import type { StoreClock } from './clock.js';

/** What a script tells of a warning: an instant instead of what is left until it. */
export type StoredWarning = Omit<WarningPush, 'deadlineMs'> & { deadlineAt: number };

/** A warning as a client gets it now. */
export function warningOf(stored: StoredWarning, clock: StoreClock): WarningPush {
  const { orderId, version, action, reason, message, by, extendable, holdable } = stored;
  const deadlineMs = clock.left(stored.deadlineAt);
  return { orderId, version, action, reason, message, by, deadlineMs, extendable, holdable };
}
