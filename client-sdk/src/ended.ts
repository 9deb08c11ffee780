import { LastcallError, type LogoffPush, type User } from '@lastcall/shared';
import { type Clock, pause } from './clock.js';
import type { SaveCause, Saving } from './saving.js';
import type { Ended } from './snapshot.js';

/** The last handlers get most of the time in which the broker waits for the answer to `logoff`. */
const FLUSH_PART = 0.8;
const MIN_FLUSH_MS = 500;
/** Nobody waits longer for the last handlers. */
const MAX_FLUSH_MS = 5_000;

/** Runs the last save handlers, for no longer than the broker waits. */
export async function lastSave(
  saving: Saving,
  clock: Clock,
  cause: SaveCause,
  flushMs = Number.POSITIVE_INFINITY,
): Promise<void> {
  const timeMs = Math.min(MAX_FLUSH_MS, Math.max(MIN_FLUSH_MS, flushMs * FLUSH_PART));
  const over = new AbortController();
  await Promise.race([saving.run(cause, timeMs), pause(clock, timeMs, over.signal)]);
  over.abort();
}

export function endedByOrder({ reason, by, message, orderId, reentryMs }: LogoffPush): Ended {
  return { reason, by, message, ...(orderId && { orderId }), ...(reentryMs !== undefined && { reentryMs }) };
}

/** What a refused resumption says of the end that was missed. */
export function endedMeanwhile({ message, extras }: LastcallError): Ended {
  const { ended } = extras;
  if (!ended) return { reason: 'unresponsive', by: { kind: 'system' }, message };
  return {
    reason: ended.reason,
    by: ended.by,
    message: ended.message ?? message,
    ...(ended.orderId && { orderId: ended.orderId }),
  };
}

export function endedByUser(user: Omit<User, 'roles'> | undefined): Ended {
  return {
    reason: 'user',
    by: { kind: 'user', ...(user && { id: user.id, name: user.name }) },
    message: 'You have signed out.',
  };
}

/** What everything that still waits is told. */
export function endOf(ended: Ended): LastcallError {
  return new LastcallError('session_ended', ended.message, { terminal: true });
}
