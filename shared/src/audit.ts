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
