import type { AuditRecord } from './audit.js';
import type { UserRef } from './identity.js';
import type { LockHolder } from './lock.js';
import type { PresetName } from './policy.js';
import type { EndReason } from './session.js';

/** How far back a review looks unless it is told, in milliseconds. */
export const REVIEW_SPAN_MS = 30 * 86_400_000;

/** Most rows of each list of a review. */
export const MAX_REVIEW_ROWS = 20;

/** Somebody who is signed in and did nothing for long in any session. */
export interface StaleUser {
  readonly user: UserRef;
  readonly sessions: number;
  readonly lastInputAt: number;
}

/** How often something happened to somebody, and when last. */
export interface ReviewCount {
  readonly user: UserRef;
  readonly times: number;
  readonly lastAt: number;
  readonly reasons: Readonly<Partial<Record<EndReason, number>>>;
}

/** How much of something there is, and how much of it was looked at. */
export interface Looked {
  readonly total: number;
  readonly looked: number;
}

/** What an administrator should look at from time to time. */
export interface Review {
  readonly at: number;
  readonly since: number;
  /** From when on the trail was looked at; later than `since` when there is too much of it, or it is not kept so long. */
  readonly from: number;
  /** Whether everything was looked at: the trail since `since`, all live sessions, all locks. */
  readonly complete: boolean;
  readonly sessions: Looked;
  readonly locks: Looked;
  /** The longest without input first: no input for `idleAfterMs` in any session. */
  readonly staleUsers: readonly StaleUser[];
  /** The longest held first. */
  readonly longestLocks: readonly LockHolder[];
  /** The most often first: ended by an order of an administrator or of policy, without having said `saved`. */
  readonly mostForced: readonly ReviewCount[];
  /** The most often first: the application stopped answering, nobody signed out. */
  readonly withoutLogoff: readonly ReviewCount[];
  readonly policy: {
    readonly version: number;
    readonly preset?: PresetName;
    /** The latest first. */
    readonly changes: readonly AuditRecord[];
  };
}
