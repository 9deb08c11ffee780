import type { Snapshot, Status } from '@lastcall/client';
import type { Op } from '../support/histories/format.js';

/** What a process of people and the run tell each other. */

export interface PeopleStart {
  readonly url: string;
  readonly tenant: string;
  readonly names: readonly string[];
  readonly seed: number;
}

/** A write to a resource of the application, as it is sent to whoever guards it. */
export interface Write {
  readonly kind: 'write';
  readonly resource: string;
  readonly sessionId: string;
  readonly fence: number;
  /** Nanoseconds on the machine's monotonic clock, before the SDK said that the lock is held. */
  readonly at: number;
}

export type PeopleReport =
  | Write
  | { readonly kind: 'op'; readonly op: Op }
  | { readonly kind: 'session'; readonly person: string; readonly sessionId: string }
  /** From now on nobody keeps this session: what becomes of it is no wonder. */
  | { readonly kind: 'left'; readonly sessionId: string }
  | { readonly kind: 'ended'; readonly sessionId: string; readonly ended: NonNullable<Snapshot['ended']> }
  | ({ readonly kind: 'stopped' } & Stopped)
  | { readonly kind: 'looks'; readonly id: number; readonly looks: readonly Look[]; readonly lateMs: number };

/** What one person's SDK says. */
export interface Look {
  readonly person: string;
  readonly sessionId: string;
  readonly status: Status;
  /** What stopped it, if something did. */
  readonly error: string | undefined;
  readonly held: readonly string[];
  readonly waiting: number;
}

export type PeopleCommand =
  /** Nobody begins anything new, and everybody keeps what they have. */
  | { readonly verb: 'rest' }
  | { readonly verb: 'look'; readonly id: number }
  /** Everybody signs out, and the process ends. */
  | { readonly verb: 'leave' };

/** How a session ended, as its client was told. */
export interface Ended {
  readonly sessionId: string;
  readonly ended: NonNullable<Snapshot['ended']>;
}

/** A client that gave up a session by itself, which nobody had asked it to, and why. */
export interface Stopped {
  readonly sessionId: string;
  readonly code: string;
}

/** People whose process was frozen, in nanoseconds on the machine's monotonic clock. */
export interface Frozen {
  readonly sessionIds: readonly string[];
  readonly from: number;
  readonly to: number;
}

/** A write that reached whoever guards the resource. */
export interface Guarded {
  readonly resource: string;
  readonly sessionId: string;
  readonly fence: number;
  /** Nanoseconds on the machine's monotonic clock, before the SDK said that the lock is held. */
  readonly at: number;
  readonly isAccepted: boolean;
}

/** A lock as both sides name it. */
export const heldName = (resource: string, fence: number): string => `${resource} ${fence}`;
