import type { AuditRecord, AuditType } from '@lastcall/shared';
import { caepOf } from './caep.js';

/** The records that an application's back end is told of. */
export const WEBHOOK_TYPES = [
  'session.opened',
  'session.ended',
  'session.verified',
  'session.unverified',
  'order.done',
  'lock.taken_over',
  'lock.broken',
  'lock.lost',
  'policy.changed',
  'maintenance.changed',
  'block.changed',
] as const satisfies readonly AuditType[];

const SENT: ReadonlySet<AuditType> = new Set(WEBHOOK_TYPES);

/** Whether somebody is told of this record. */
export function isSent(record: Pick<AuditRecord, 'type'>): boolean {
  return SENT.has(record.type);
}

/** One message: the same id and the same bytes at every attempt. */
export interface WebhookEvent {
  readonly id: string;
  readonly body: string;
}

/**
 * The message about a record. The id has no full stop, which separates it from the rest of what is signed; it cannot be
 * another event's, since whatever a tenant is called, two numbers follow its name and "~" is in nobody's.
 */
export function eventOf(tenant: string, record: AuditRecord, issuer: string | undefined): WebhookEvent {
  const { type, epoch, rev, at, by, sessionId, user, orderId, resource, fence, reason, details } = record;
  // Named one by one: what a record may hold one day is nobody's elsewhere until it is put here.
  const facts = { epoch, rev, at, by, sessionId, user, orderId, resource, fence, reason, details };
  return {
    id: `${tenant.replaceAll('.', '~')}_${epoch}_${rev}`,
    body: JSON.stringify({
      type,
      timestamp: new Date(at).toISOString(),
      data: { tenant, ...facts, ...caepOf(record, tenant, issuer) },
    }),
  };
}
