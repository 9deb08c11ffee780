import type { UserRef } from './identity.js';
import type { SessionState } from './session.js';

export const LOCK_MODES = ['exclusive', 'shared'] as const;
export type LockMode = (typeof LOCK_MODES)[number];

export const LOCK_SCOPES = ['record', 'tree'] as const;
export type LockScope = (typeof LOCK_SCOPES)[number];

/** A resource is a path of 1 to 8 segments, each 1 to 64 characters. */
export const RESOURCE_PATTERN = /^[A-Za-z0-9._~:@-]{1,64}(?:\/[A-Za-z0-9._~:@-]{1,64}){0,7}$/;

/** A resource, or the beginning of one: what lists and watchers filter by. */
export const RESOURCE_PREFIX_PATTERN = /^[A-Za-z0-9._~:@/-]{0,519}$/;

/** Longest wait in a lock's queue, in milliseconds. */
export const MAX_LOCK_WAIT_MS = 300_000;

/** Most locks asked for at once. */
export const MAX_LOCKS_AT_ONCE = 64;

/** Outcomes of lock requests kept per session, so that a repeated request finds its own. */
export const KEPT_LOCK_REQUESTS = 256;

/** A right on a resource. `fence` is a safe integer that strictly increases with every grant in the tenant. */
export interface Lock {
  readonly resource: string;
  readonly mode: LockMode;
  readonly scope: LockScope;
  readonly fence: number;
  readonly grantedAt: number;
  readonly note?: string;
}

/** Who stands in the way, and what may be done about it. */
export interface LockHolder {
  readonly resource: string;
  readonly mode: LockMode;
  readonly scope: LockScope;
  readonly sessionId: string;
  readonly user: UserRef;
  readonly grantedAt: number;
  readonly idleMs: number;
  readonly dirty: boolean;
  readonly state: SessionState;
  readonly takeable: 'no' | 'ask' | 'force';
  readonly note?: string;
}

/** Somebody in a resource's queue; `position` counts from 1. */
export interface LockWaiter {
  readonly requestId: string;
  readonly sessionId: string;
  readonly user: UserRef;
  readonly mode: LockMode;
  readonly scope: LockScope;
  readonly position: number;
  readonly since: number;
  /** Takes the lock over at this instant, unless the holder keeps it. */
  readonly takesOverAt?: number;
}

/** A resource with its holders and its queue, as lists and watchers see it. */
export interface LockEntry {
  readonly resource: string;
  readonly holders: readonly LockHolder[];
  readonly waiters: readonly LockWaiter[];
}

/** What a holder says to somebody who asks for its lock; silence yields. */
export const LOCK_ANSWERS = ['yield', 'keep'] as const;
export type LockAnswer = (typeof LOCK_ANSWERS)[number];

/** One step of a deadlock: a session that waits for a resource, which the next one has (after the last: the first). */
export interface LockWait {
  readonly sessionId: string;
  readonly user: UserRef;
  readonly resource: string;
}

export const LOCK_LOST_REASONS = ['takeover', 'idle', 'admin', 'session_ended', 'data_loss'] as const;
export type LockLostReason = (typeof LOCK_LOST_REASONS)[number];
