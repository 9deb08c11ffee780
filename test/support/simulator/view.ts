import type { PolicySettings } from '@lastcall/shared';
import type { Core } from 'lastcall/internal/core.js';
import type { Admin } from './admin.js';
import type { BrokerHost } from './broker-host.js';
import type { Scheduler } from './clock.js';
import type { FaultKind } from './faults.js';
import type { GuardedRecords } from './guarded.js';
import type { Observer } from './history.js';
import type { Person } from './person.js';
import type { StoreHost } from './store.js';

/** A world as those see it who judge it. */
export interface WorldView {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly tenants: readonly string[];
  readonly policy: PolicySettings;
  /** What may go wrong in it. */
  readonly kinds: readonly FaultKind[];
  /** Whether the store lost what it had acknowledged. */
  readonly hasLosses: boolean;
  readonly store: StoreHost;
  readonly brokers: readonly BrokerHost[];
  readonly persons: readonly Person[];
  readonly admins: readonly Admin[];
  readonly guarded: GuardedRecords;
  readonly observer: Observer;
  /** Asks a broker something, as time goes on. @throws whatever the broker answers, or Error when it is silent */
  ask<T>(question: (core: Core) => Promise<T>, withinMs?: number): Promise<T>;
}
