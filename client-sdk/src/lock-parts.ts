import { Locks, type LocksPorts } from './locks.js';
import { Requested } from './requested.js';
import type { Saving } from './saving.js';
import type { Snapshot, SnapshotStore } from './snapshot.js';
import { Watches } from './watches.js';

export interface LockPartsPorts extends Omit<LocksPorts, 'changed'> {
  readonly saving: Saving;
  readonly saveLeadMs: number;
  readonly store: SnapshotStore;
  readonly set: (changes: Partial<Snapshot>) => void;
}

export interface LockParts {
  readonly locks: Locks;
  readonly requested: Requested;
  readonly watches: Watches;
}

/** What has to do with locks, tied together: only what is held can be asked for, and what was asked for may be lost. */
export function lockParts(ports: LockPartsPorts): LockParts {
  const { connection, clock, logger, saving, saveLeadMs, store, set } = ports;
  const locks = new Locks({
    ...ports,
    changed: (views) => {
      store.batch(() => {
        set(views);
        requested.retain(views.locks);
      });
    },
  });
  const requested = new Requested({
    connection,
    clock,
    saving,
    leadMs: saveLeadMs,
    changed: (views) => {
      set({ requested: views });
    },
    over: ({ resource, by }) => {
      locks.doubt(resource, by);
    },
  });
  return { locks, requested, watches: new Watches(connection, clock, logger) };
}
