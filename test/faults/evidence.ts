import type { AuditRecord, AuditVerdict, LockEntry, Order, Receipt, Session } from '@lastcall/shared';
import type { Op } from '../support/histories/format.js';
import type { Attempt, Given } from './administrator.js';
import type { Ended, Frozen, Guarded, Look, Stopped } from './messages.js';
import type { Nemesis } from './stage.js';

/** A session by hand, whose key is known: what came of the attempt to come back to it afterwards. */
export interface Comeback {
  readonly sessionId: string;
  readonly code: string | undefined;
}

/** Somebody with the SDK, what their client says and what the store says, once nothing is wrong any more. */
export interface Agreement {
  readonly look: Look;
  readonly session: Session | undefined;
  readonly held: readonly string[];
}

export interface Descriptors {
  readonly before: number;
  readonly after: number;
}

/** Everything that is known after a run. */
export interface Evidence {
  readonly seed: number;
  readonly tenant: string;
  readonly nemeses: readonly Nemesis[];
  readonly records: readonly AuditRecord[];
  readonly sessions: readonly Session[];
  readonly orders: readonly { readonly order: Order; readonly receipts: readonly Receipt[] }[];
  /** What Redis' clock showed when the orders were looked at. */
  readonly storeNow: number;
  readonly locks: readonly LockEntry[];
  /** Why the history as a whole does not make sense, if it does not. */
  readonly historyFault: string | undefined;
  readonly verdict: AuditVerdict;
  /** What people with the SDK did, and those by hand. */
  readonly ops: readonly Op[];
  readonly handOps: readonly Op[];
  readonly opened: ReadonlyMap<string, string>;
  readonly left: ReadonlySet<string>;
  readonly ended: readonly Ended[];
  readonly stopped: readonly Stopped[];
  readonly frozen: readonly Frozen[];
  /** How long a session lives without being heard. */
  readonly leaseMs: number;
  readonly writes: readonly Guarded[];
  readonly given: readonly Given[];
  readonly attempts: readonly Attempt[];
  readonly agreements: readonly Agreement[];
  readonly comebacks: readonly Comeback[];
  /** The same for live sessions, with a key that is not theirs. */
  readonly intrusions: readonly Comeback[];
  /** Sessions whose heartbeat was answered after their end. */
  readonly revived: readonly string[];
  /** Sessions of which the trail told an end after `records` were read. */
  readonly endedSince: ReadonlySet<string>;
  /** The longest time in which a process of people, or this one, did not get to do anything. */
  readonly lateMs: number;
  /** What broke that was not to be broken: processes that ended, errors nobody caught. */
  readonly breakdowns: readonly string[];
  readonly descriptors: readonly Descriptors[];
  /** Keys of the tenant after everybody has left. */
  readonly leftKeys: readonly string[];
  /** Every text that one tenant's people were told, and whose it must not be. */
  readonly foreign: readonly { readonly what: string; readonly text: string; readonly canary: string }[];
  /** What must not be written down anywhere. */
  readonly secrets: readonly string[];
  readonly logs: string;
}
