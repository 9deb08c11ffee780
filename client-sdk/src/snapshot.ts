import {
  type Actor,
  type EndReason,
  type LastcallError,
  type LockHolder,
  type LockLostReason,
  type LockMode,
  type LockRequestedPush,
  type LockScope,
  type PublicPolicy,
  type SessionState,
  sessionState,
  type UserRef,
  type WarningPush,
} from '@lastcall/shared';
import { guarded, type Logger } from './logger.js';

/**
 * `idle` before the first `connect()`; `ended` when the session is over for good; `closed` when this client
 * stopped while its session may live on (`error` says why, unless the application closed it).
 */
export type Status = 'idle' | 'connecting' | 'online' | 'reconnecting' | 'ended' | 'closed';

/** How the session ended. */
export interface Ended {
  readonly reason: EndReason;
  readonly by: Actor;
  readonly message: string;
  readonly orderId?: string;
  /** For how long new sessions of this person are refused. */
  readonly reentryMs?: number;
}

/** An order that concerns this session. `deadlineMs` is left to `remainingMs(orderId)`, which counts. */
export interface Warning extends Omit<WarningPush, 'deadlineMs'> {
  readonly seen: boolean;
  /** What the broker was told about the work under this order. */
  readonly work: 'open' | 'saving' | 'saved' | 'failed';
}

/** Why a lock is lost; the last four are found out by the client itself. */
export type LostReason = LockLostReason | 'lease' | 'away' | 'superseded' | 'closed';

/** `at-risk`: the lease may run out before the broker is heard again; do not start to write. */
export type LockState = 'held' | 'at-risk' | 'lost' | 'released';

export interface LockView {
  readonly resource: string;
  readonly mode: LockMode;
  readonly scope: LockScope;
  readonly fence: number;
  readonly state: LockState;
}

/** A lock that is waited for. `remainingMs(requestId)` counts down. */
export interface WaitingView {
  readonly requestId: string;
  readonly resource: string;
  readonly position: number;
  readonly blockers: readonly LockHolder[];
  /** Its holder is asked to let it go. */
  readonly takeover?: true;
}

/** Somebody asks for a lock that is held here. `remainingMs(requestId)` counts down; silence yields it. */
export interface RequestedView extends Omit<LockRequestedPush, 'deadlineMs'> {
  /** What became of the unsaved work on the record. */
  readonly work: Warning['work'];
}

/** A lock that is gone, until the record is locked again or the lost handle is released. Show its text read-only. */
export interface LostView {
  readonly resource: string;
  readonly fence: number;
  readonly reason: LostReason;
  readonly by?: Actor;
}

/** Everything a user interface needs, as one immutable object; replaced when something in it changes. */
export interface Snapshot {
  readonly status: Status;
  readonly state: SessionState;
  readonly session?: { readonly id: string; readonly tenant: string; readonly resumed: boolean } | undefined;
  readonly user?: (UserRef & { readonly roles: readonly string[] }) | undefined;
  readonly policy?: PublicPolicy | undefined;
  readonly warnings: readonly Warning[];
  readonly locks: readonly LockView[];
  readonly waiting: readonly WaitingView[];
  /** Who asks for a lock that is held here. */
  readonly requested: readonly RequestedView[];
  /** Locks that were lost while the session goes on, the latest last. */
  readonly lost: readonly LostView[];
  /** Save handlers are running. */
  readonly saving: boolean;
  /** What keeps the client from working now, or what stopped it. */
  readonly error?: LastcallError | undefined;
  /** Present with status `ended`. */
  readonly ended?: Ended | undefined;
}

export const FIRST_SNAPSHOT: Snapshot = {
  status: 'idle',
  state: 'disconnected',
  warnings: [],
  locks: [],
  waiting: [],
  requested: [],
  lost: [],
  saving: false,
};

/** The state of the session, which follows from the facts as it does at the broker. */
export function stateOf({ status, warnings }: Snapshot, idle: boolean): SessionState {
  return sessionState({
    ended: status === 'ended',
    connected: status === 'online',
    saving: warnings.some((warning) => warning.work === 'saving'),
    warned: warnings.some((warning) => warning.action === 'logoff'),
    idle,
  });
}

/** Whether two objects have the same fields with the same values. */
export function sameFields(a: object, b: object): boolean {
  const names = Object.keys(a) as (keyof typeof a)[];
  return names.length === Object.keys(b).length && names.every((name) => Object.is(a[name], b[name]));
}

/** Lists are made anew by whoever reports them; one that says the same is the same. */
function same(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((item: object, index) => sameFields(item, b[index] as object));
}

/** Holds the snapshot and tells listeners when it was replaced. A listener that throws disturbs nobody. */
export class SnapshotStore {
  readonly #logger: Logger;
  readonly #listeners = new Set<() => void>();
  #snapshot = FIRST_SNAPSHOT;
  #told = FIRST_SNAPSHOT;
  #depth = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  readonly get = (): Snapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    const own = (): void => {
      listener();
    };
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  };

  set(changes: Partial<Snapshot>): void {
    const names = Object.keys(changes) as (keyof Snapshot)[];
    const news = names.filter((name) => !same(changes[name], this.#snapshot[name]));
    if (news.length === 0) return;
    const changed = Object.fromEntries(news.map((name) => [name, changes[name]]));
    this.#snapshot = Object.freeze({ ...this.#snapshot, ...changed });
    this.#tell();
  }

  /** Several changes that listeners hear of as one. */
  batch(run: () => void): void {
    this.#depth += 1;
    try {
      run();
    } finally {
      this.#depth -= 1;
      this.#tell();
    }
  }

  #tell(): void {
    if (this.#depth > 0 || this.#told === this.#snapshot) return;
    this.#told = this.#snapshot;
    for (const listener of Array.from(this.#listeners)) guarded(this.#logger, 'A subscriber', listener);
  }
}
