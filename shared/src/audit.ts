import type { Actor, UserRef } from './identity.js';

/** Every kind of record on a tenant's stream (PROTOCOL section 5). */
export const AUDIT_TYPES = [
  'session.opened',
  'session.resumed',
  'session.state',
  'session.ended',
  'session.verified',
  'session.unverified',
  'order.created',
  'order.changed',
  'order.acked',
  'order.extended',
  'order.cancelled',
  'order.done',
  'lock.granted',
  'lock.released',
  'lock.requested',
  'lock.taken_over',
  'lock.broken',
  'lock.lost',
  'policy.changed',
  'maintenance.changed',
  'block.changed',
  'access.denied',
  'audit.read',
] as const;
export type AuditType = (typeof AUDIT_TYPES)[number];

/**
 * One change of state. `rev` is gap-free within a tenant's `epoch`; both only ever increase.
 * The same record is audit trail, event between nodes, and outbox.
 */
export interface AuditRecord {
  readonly epoch: number;
  readonly rev: number;
  readonly at: number;
  readonly type: AuditType;
  readonly by: Actor;
  readonly sessionId?: string;
  readonly user?: UserRef;
  readonly orderId?: string;
  readonly resource?: string;
  readonly fence?: number;
  readonly reason?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * How a link of the archive's chain can be wrong. `broken`: it is not what was written; `missing`: it is not there, but
 * later ones are; `cut`: the chain ends before it.
 */
export const AUDIT_FAULTS = ['broken', 'missing', 'cut'] as const;

/** The first link of the archive that is not as it should be. */
export interface AuditFault {
  readonly kind: (typeof AUDIT_FAULTS)[number];
  /** Which link, counted from 1. */
  readonly seq: number;
  readonly file?: string;
  readonly line?: number;
  readonly message: string;
}

/** What a check of a tenant's archive found. */
export interface AuditVerdict {
  readonly ok: boolean;
  readonly records: number;
  readonly files: number;
  /** Whether the chain's end was compared with what Redis knows of it. */
  readonly anchored: boolean;
  /** Every line is signed with a key. */
  readonly signed: boolean;
  /** Records that left Redis before they could be archived: no link is missing, but they are in no file. */
  readonly lost: number;
  readonly last?: { readonly seq: number; readonly epoch: number; readonly rev: number; readonly at: number };
  readonly fault?: AuditFault;
}
