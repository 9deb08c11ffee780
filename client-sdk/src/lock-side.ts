import type { LastcallError, ServerPush, ServerPushes, Welcome } from '@lastcall/shared';
import type { Clock } from './clock.js';
import type { Connection } from './connection.js';
import type { Lease } from './lease.js';
import type { Logger } from './logger.js';
import type { Saving } from './saving.js';
import type { LostReason, Snapshot, SnapshotStore } from './snapshot.js';

/** What a session lends to its locks. */
export interface LockSidePorts {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomId: () => string;
  readonly logger: Logger;
  readonly lease: Lease;
  readonly saving: Saving;
  readonly saveLeadMs: number;
  /** How long to wait for a connection before a lock is asked for. */
  readonly patienceMs: number;
  readonly store: SnapshotStore;
  readonly set: (changes: Partial<Snapshot>) => void;
}

type LockPush = Extract<ServerPush, `lock:${string}`>;

export type LockPushes = { readonly [E in LockPush]: (payload: ServerPushes[E]) => void };

/** What a session tells its locks, whether its client has to do with locks or not. */
export interface LockSide {
  readonly pushes: LockPushes;
  welcome(welcome: Welcome): void;
  /** There is no connection. */
  down(): void;
  leaseRenewed(): void;
  leaseChanged(): void;
  end(reason: LostReason, error: LastcallError): void;
}

const nothing = (): void => undefined;

/** A client that knows no locks gives back what the page before it, which had the same session, has left. */
export class NoLocks implements LockSide {
  readonly #connection: Connection;
  readonly pushes: LockPushes;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.pushes = {
      'lock:granted': ({ lock }) => {
        this.#release(lock);
      },
      'lock:denied': nothing,
      'lock:requested': nothing,
      'lock:lost': nothing,
      'lock:changed': nothing,
      'lock:position': nothing,
    };
  }

  welcome({ locks, waiting }: Welcome): void {
    for (const lock of locks) this.#release(lock);
    for (const { requestId } of waiting)
      this.#connection.call('lock:cancel', { requestId }).catch(() => undefined);
  }

  down(): void {}

  leaseRenewed(): void {}

  leaseChanged(): void {}

  end(): void {}

  /** What cannot be said now is said after the next welcome. */
  #release({ resource, fence }: { readonly resource: string; readonly fence: number }): void {
    this.#connection.call('lock:release', { resource, fence }).catch(() => undefined);
  }
}
