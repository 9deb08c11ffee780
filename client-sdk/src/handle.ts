/// <reference lib="esnext.disposable" preserve="true" />
import type { Actor, Lock, LockMode, LockScope } from '@lastcall/shared';
import type { LeaseState } from './lease.js';
import { guarded, type Logger } from './logger.js';
import type { LockState, LostReason } from './snapshot.js';

export interface UpgradeOptions {
  /** Milliseconds to wait for the other readers, at most 300 000; 0, the default, asks once. */
  readonly waitMs?: number;
  /** Gives up; the lock stays shared. */
  readonly signal?: AbortSignal;
}

/** A lock that was granted to this session, and what has become of it. */
export interface LockHandle {
  readonly resource: string;
  readonly mode: LockMode;
  readonly scope: LockScope;
  /** Send it with each write: the store refuses writes with a lower fence than it has seen. An upgrade raises it. */
  readonly fence: number;
  /** `lost` and `released` are final; `at-risk` returns to `held` when the broker has confirmed the lock. */
  readonly state: LockState;
  /** Why and by whom, once it is lost. */
  readonly lost: { readonly reason: LostReason; readonly by?: Actor } | undefined;
  /**
   * Aborts when the lock is at risk or lost, never again after that: read it anew for each piece of work. A lock
   * that is `held` again has a new signal.
   */
  readonly signal: AbortSignal;
  /** Gives the lock back; repeated, it does nothing. Never rejects: what cannot be said now is said later. */
  release(): Promise<void>;
  /**
   * Makes a shared lock exclusive, ahead of the queue: this handle has the mode and the fence of the new grant then.
   * @throws LastcallError `locked`, `deadlock` with `extras.cycle`, `not_held`, `unavailable`; the signal's reason
   */
  upgrade(options?: UpgradeOptions): Promise<void>;
  /** Tells of each change of `state`. Returns what ends that. */
  onChange(listener: (handle: LockHandle) => void): () => void;
  /** `await using` releases it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Platforms without `await using` have no such symbol. */
const asyncDispose: typeof Symbol.asyncDispose =
  (Symbol as Partial<SymbolConstructor>).asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as never);

export interface HandleOwner {
  readonly logger: Logger;
  leaseState(handle: Handle): LeaseState;
  upgrade(handle: Handle, options: UpgradeOptions): Promise<void>;
  /** The lease is worse than the handle says; tell everybody soon. */
  stale(): void;
  release(handle: Handle): Promise<void>;
}

export class Handle implements LockHandle {
  #lock: Lock;
  readonly #owner: HandleOwner;
  readonly #listeners = new Set<(handle: LockHandle) => void>();
  #state: LockState = 'held';
  #lost: LockHandle['lost'];
  #safe = new AbortController();

  constructor(lock: Lock, owner: HandleOwner) {
    this.#lock = lock;
    this.#owner = owner;
  }

  get resource(): string {
    return this.#lock.resource;
  }

  get mode(): LockMode {
    return this.#lock.mode;
  }

  get scope(): LockScope {
    return this.#lock.scope;
  }

  get fence(): number {
    return this.#lock.fence;
  }

  /** Looks at the clock, because after a sleep the application may ask before any timer has run. */
  get state(): LockState {
    const state = this.#underLease();
    if (state !== this.#state) this.#owner.stale();
    return state;
  }

  get lost(): LockHandle['lost'] {
    return this.#lost ?? (this.state === 'lost' ? { reason: 'lease' } : undefined);
  }

  get signal(): AbortSignal {
    if (this.state !== 'held' && this.state !== 'released') this.#safe.abort();
    return this.#safe.signal;
  }

  onChange(listener: (handle: LockHandle) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  release(): Promise<void> {
    this.enter('released');
    return this.#owner.release(this);
  }

  upgrade(options: UpgradeOptions = {}): Promise<void> {
    return this.#owner.upgrade(this, options);
  }

  /** The same right under another grant. */
  renew(lock: Lock): void {
    this.#lock = lock;
  }

  [asyncDispose](): Promise<void> {
    return this.release();
  }

  /** What the lease leaves of this lock. */
  settle(): void {
    const state = this.#underLease();
    if (state === 'lost') this.enter('lost', { reason: 'lease' });
    else this.enter(state);
  }

  enter(state: LockState, lost?: LockHandle['lost']): void {
    if (state === this.#state || this.#state === 'lost' || this.#state === 'released') return;
    this.#state = state;
    this.#lost = lost;
    if (state === 'held') this.#safe = new AbortController();
    else if (state !== 'released') this.#safe.abort();
    for (const listener of Array.from(this.#listeners)) {
      guarded(this.#owner.logger, 'A lock listener', () => {
        listener(this);
      });
    }
  }

  #underLease(): LockState {
    if (this.#state !== 'held' && this.#state !== 'at-risk') return this.#state;
    const lease = this.#owner.leaseState(this);
    if (lease === 'out' || lease === 'none') return 'lost';
    return lease === 'at-risk' ? 'at-risk' : this.#state;
  }
}
