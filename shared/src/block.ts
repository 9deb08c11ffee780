import type { Actor } from './identity.js';

/** Keeps a person out; with `notBeforeAt` only with tokens issued before it. Instants are epoch milliseconds on Redis' clock. */
export interface BlockRequest {
  readonly user: string;
  /** Absent: until it is lifted. */
  readonly untilAt?: number;
  readonly notBeforeAt?: number;
  /** Why; the audit trail keeps it. */
  readonly reason: string;
  /** What the person reads. */
  readonly message?: string;
}

/** A block that stands. Orders set some by themselves: `reentry`, and the reason `security`. */
export interface Block extends BlockRequest {
  readonly id: string;
  readonly by: Actor;
  readonly createdAt: number;
}
