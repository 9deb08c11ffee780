import { LastcallError, type Lock, type LockEntry, type LockHolder, type LockWaiter } from '@lastcall/shared';
import { listOf } from './redis/store.js';

type Empty = Record<string, never>;

/** A lock as a script writes it: the fence in digits. */
export type StoredLock = Omit<Lock, 'fence'> & { fence: string };

/** A holder as a script tells of it: what anybody may do, and whether an administrator may use force besides. */
export type StoredHolder = Omit<LockHolder, 'takeable'> & { takeable: 'no' | 'ask'; force?: true };

export interface StoredEntry {
  readonly resource: string;
  readonly holders: readonly StoredHolder[] | Empty;
  readonly waiters: readonly LockWaiter[] | Empty;
}

/** Who asks about locks: what may be done about a holder depends on it. */
export interface LockAsker {
  readonly sessionId?: string;
  readonly mayForce: boolean;
}

/** An administrator, who has no session here. */
export const ADMINISTRATOR: LockAsker = { mayForce: true };

export const lockOf = (stored: StoredLock): Lock => ({ ...stored, fence: Number(stored.fence) });

function takeableBy(holder: StoredHolder, asker: LockAsker): LockHolder['takeable'] {
  if (holder.sessionId === asker.sessionId) return 'no';
  return holder.force === true && asker.mayForce ? 'force' : holder.takeable;
}

export function holdersOf(
  stored: readonly StoredHolder[] | Empty | undefined,
  asker: LockAsker,
): LockHolder[] {
  return listOf(stored).map((holder) => {
    const { force: _force, ...told } = holder;
    return { ...told, takeable: takeableBy(holder, asker) };
  });
}

export function entryOf(stored: StoredEntry, asker: LockAsker): LockEntry {
  return {
    resource: stored.resource,
    holders: holdersOf(stored.holders, asker),
    waiters: listOf(stored.waiters),
  };
}

/** A refusal with its blockers as this one may know them. */
export function refusalFor(error: unknown, asker: LockAsker): unknown {
  if (!(error instanceof LastcallError) || error.extras.blockers === undefined) return error;
  const blockers = holdersOf(error.extras.blockers as readonly StoredHolder[], asker);
  return new LastcallError(error.code, error.message, { ...error.extras, blockers });
}
