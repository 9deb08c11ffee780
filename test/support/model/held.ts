import type { LockMode, LockScope } from '@lastcall/shared';
import type { ModelSession } from './facts.js';

/** What is asked for, waited for or held. */
export interface Want {
  readonly resource: string;
  readonly mode: LockMode;
  readonly scope: LockScope;
}

export interface Hold extends Want {
  readonly session: ModelSession;
  readonly fence: string;
  readonly grantedAt: number;
  /** The request it was granted to, and those that made it more. */
  readonly requestIds: readonly string[];
  /** Its session's lease ran out: nobody may have it before this. */
  delayedUntil?: number;
}

export interface Wait extends Want {
  /** Who takes over and gets the tree meanwhile takes over the tree. */
  scope: Want['scope'];
  readonly session: ModelSession;
  readonly requestId: string;
  readonly kind: 'plain' | 'upgrade' | 'takeover';
  /** Place in line: those at the head have places below zero. */
  readonly ticket: number;
  /** Who takes over has no end of its own. */
  readonly untilAt: number | undefined;
}

export interface Takeover {
  readonly wait: Wait;
  readonly deadlineAt: number;
  /** When it is looked at: at its deadline, or when what was kept back meanwhile is free. */
  dueAt: number;
  /** Whether each holder that was asked has yielded. */
  readonly asked: Map<ModelSession, boolean>;
}

/** One in a circle: who waits, and for what. */
export interface Link {
  readonly session: string;
  readonly resource: string;
}

export interface LockSettings {
  readonly lockTakeover: 'never' | 'idle' | 'ask' | 'admin';
  readonly takeoverMs: number;
  readonly lockIdleMs: number;
  readonly lockDelayMs: number;
  readonly maxLocksPerSession: number;
  readonly maxWaitersPerResource: number;
}

const covers = (tree: Want, below: string): boolean =>
  tree.scope === 'tree' && below.startsWith(`${tree.resource}/`);

/** L13, L14: two locks that two sessions cannot have at once. */
export function forbids(one: Want, other: Want): boolean {
  if (one.mode === 'shared' && other.mode === 'shared') return false;
  return one.resource === other.resource || covers(one, other.resource) || covers(other, one.resource);
}

/** Whether a lock gives what is asked for. */
export const gives = (hold: Want, want: Want): boolean =>
  (hold.mode === 'exclusive' || want.mode === 'shared') && (hold.scope === 'tree' || want.scope === 'record');

/** A lock as its holder is told of it. */
export const lockOf = ({ resource, mode, scope, fence, grantedAt }: Hold): object => ({
  resource,
  mode,
  scope,
  fence,
  grantedAt,
});

/** A lock that stands in the way, in short. */
export const blockerOf = ({ resource, mode, scope, session }: Hold): string =>
  `${session.name} ${resource} ${mode} ${scope}`;

/** What a verb of locks answers. */
export interface Told {
  readonly code?: string;
  readonly state?: string;
  readonly requestId?: string;
  readonly position?: number;
  readonly blockers?: readonly { sessionId: string; resource: string; mode: string; scope: string }[];
  readonly cycle?: readonly { sessionId: string; resource: string }[];
  readonly broken?: readonly string[];
  readonly more?: boolean;
  readonly locks?: readonly object[];
  readonly valid?: boolean;
}
