import type { Actor } from './identity.js';
import type { OrderAction, OrderCounts } from './order.js';

/** States of a maintenance window (PROTOCOL section 5). A lifted one is none any more. */
export const MAINTENANCE_STATES = ['scheduled', 'announcing', 'closing', 'closed'] as const;
export type MaintenanceState = (typeof MAINTENANCE_STATES)[number];

/** Which state may follow which; total. A change of time calls an announcement off: it is `scheduled` again. */
export const MAINTENANCE_TRANSITIONS: Readonly<
  Record<MaintenanceState, Readonly<Record<MaintenanceState, boolean>>>
> = {
  scheduled: { scheduled: true, announcing: true, closing: false, closed: false },
  announcing: { scheduled: true, announcing: true, closing: true, closed: false },
  closing: { scheduled: false, announcing: false, closing: false, closed: true },
  closed: { scheduled: false, announcing: false, closing: false, closed: true },
};

/** How long before the start nobody is admitted any more, unless the window says otherwise, in milliseconds. */
export const ADMISSION_STOPS_MS = 300_000;

/** Who stays and is admitted, unless the window says otherwise. */
export const BYPASS_ROLES: readonly string[] = ['admin'];

/** Most marks of a window's ladder. */
export const MAX_LADDER = 32;

/** Everybody out by a time, nobody in until it is lifted. Instants are epoch milliseconds on Redis' clock. */
export interface MaintenanceRequest {
  /** `warn` is a rehearsal: everybody is told as for a real one, nobody is kept out or logged off. */
  readonly action?: OrderAction;
  readonly message: string;
  /** Without a start it begins now. */
  readonly startsAt?: number;
  readonly startsInMs?: number;
  /** When it is lifted by itself; absent: by hand. */
  readonly untilAt?: number;
  readonly admissionStopsMs?: number;
  /** How long before the start people are told, and told again. */
  readonly ladderMs?: readonly number[];
  readonly bypassRoles?: readonly string[];
  readonly holdMs?: number;
}

/** A tenant's maintenance window. `counts` are those of its order. */
export interface Maintenance extends Required<Omit<MaintenanceRequest, 'startsInMs' | 'untilAt'>> {
  readonly untilAt?: number;
  readonly id: string;
  readonly version: number;
  readonly state: MaintenanceState;
  readonly by: Actor;
  readonly createdAt: number;
  /** From when on nobody is admitted. */
  readonly admissionStopsAt: number;
  readonly orderId?: string;
  readonly counts?: OrderCounts;
}
