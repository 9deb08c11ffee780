import type { LastcallError, Welcome } from '@lastcall/shared';
import type { LockPushes, LockSide, LockSidePorts } from './lock-side.js';
import { Locks } from './locks.js';
import { Requested } from './requested.js';
import type { LostReason } from './snapshot.js';
import { Watches } from './watches.js';

/** What has to do with locks, tied together: only what is held can be asked for, and what was asked for may be lost. */
export class LockParts implements LockSide {
  readonly locks: Locks;
  readonly requested: Requested;
  readonly watches: Watches;
  readonly pushes: LockPushes;

  constructor(ports: LockSidePorts) {
    const { connection, clock, logger, saving, saveLeadMs, store, set } = ports;
    this.locks = new Locks({
      ...ports,
      changed: (views) => {
        store.batch(() => {
          set(views);
          this.requested.retain(views.locks);
        });
      },
    });
    this.requested = new Requested({
      connection,
      clock,
      saving,
      leadMs: saveLeadMs,
      changed: (views) => {
        set({ requested: views });
      },
      over: ({ resource, by }) => {
        this.locks.doubt(resource, by);
      },
    });
    this.watches = new Watches(connection, clock, logger);
    this.pushes = this.#pushes();
  }

  welcome(welcome: Welcome): void {
    this.locks.welcome(welcome);
    this.watches.welcome();
  }

  down(): void {
    this.watches.down();
  }

  leaseRenewed(): void {
    this.locks.leaseRenewed();
  }

  leaseChanged(): void {
    this.locks.leaseChanged();
  }

  end(reason: LostReason, error: LastcallError): void {
    this.locks.end(reason, error);
  }

  #pushes(): LockPushes {
    return {
      'lock:granted': (grant) => {
        this.locks.granted(grant);
      },
      'lock:denied': (denial) => {
        this.locks.denied(denial);
      },
      'lock:requested': (request) => {
        this.requested.ask(request);
      },
      'lock:lost': (loss) => {
        this.locks.lost(loss);
      },
      'lock:changed': (entry) => {
        this.watches.changed(entry);
      },
      'lock:position': (place) => {
        this.locks.moved(place);
      },
    };
  }
}
