import {
  type AuditRecord,
  type ErrorCode,
  type Lock,
  type LockHolder,
  type LockLostReason,
  type LockRequestedPush,
} from '@lastcall/shared';
import type { StoreClock } from '../clock.js';
import type { Locks } from '../locks.js';
import type { AskedOf } from '../welcome.js';
import { askerOf, type Connection } from './connection.js';

type Details = Readonly<Record<string, unknown>>;

/** Why a wait ended without a lock, by what its record says; of what the client did itself it knows. */
const DENIALS: Readonly<Record<string, { code: ErrorCode; say: (resource: string, by: string) => string }>> =
  {
    denied: {
      code: 'locked',
      say: (resource) => `${resource} did not become free in time. Ask again, or ask who holds it.`,
    },
    kept: {
      code: 'takeover_refused',
      say: (resource, by) => `${by} keeps ${resource}. Wait until it is free, or talk to them.`,
    },
    refused: {
      code: 'takeover_refused',
      say: (resource) => `${resource} could not be taken over any more. Look who holds it, then ask again.`,
    },
    not_held: {
      code: 'not_held',
      say: (resource) =>
        `${resource} is not yours any more, so that it cannot become yours alone. Ask for it again.`,
    },
  };

/** A question to a holder as its client gets it now. */
export function requestOf({ deadlineAt, ...asked }: AskedOf, clock: StoreClock): LockRequestedPush {
  return { ...asked, deadlineMs: clock.left(deadlineAt) };
}

/** Whom a record asks for their lock, and what they are asked. */
export function questionIn(record: AuditRecord): { holders: readonly string[]; asked: AskedOf } | undefined {
  const { requestId, state, deadlineAt, holders } = record.details ?? {};
  if (record.type !== 'lock.requested' || state !== 'asked') return undefined;
  const { resource = '', by, reason } = record;
  const asked = { requestId: String(requestId), resource, by, deadlineAt: Number(deadlineAt) };
  return {
    holders: holders as readonly string[],
    asked: reason === undefined ? asked : { ...asked, reason },
  };
}

/**
 * What a client holds, as far as this node heard: it is told when it is lost together with the store's data. A session
 * has one lock of a resource, so that a grant which does not take its place says so, too.
 */
export function noteHeld(
  { socket, locks }: Connection,
  { type, resource = '', fence = 0, details }: AuditRecord,
  push: (push: () => void) => void,
): void {
  const before = locks.get(resource);
  if (type === 'lock.granted') locks.set(resource, fence);
  else if (type !== 'lock.requested') locks.delete(resource);
  if (type !== 'lock.granted' || before === undefined || Number(details?.['replaces']) === before) return;
  push(() => socket.emit('lock:lost', { resource, fence: before, reason: 'data_loss' }));
}

/** Tells a client that locks are gone: those of a list, unless others came in their place. */
export function tellLost(
  { socket, locks }: Connection,
  reason: LockLostReason,
  lost: Iterable<readonly [string, number]>,
): void {
  for (const [resource, fence] of lost) {
    if (locks.get(resource) !== fence) continue;
    locks.delete(resource);
    socket.emit('lock:lost', { resource, fence, reason });
  }
}

/** Tells a client of a lock that it may not have heard of, unless it is known to have it; it gives back what it does not want. */
export function tellAnew({ socket, locks }: Connection, requestId: string, lock: Lock): void {
  if (locks.get(lock.resource) === lock.fence) return;
  locks.set(lock.resource, lock.fence);
  socket.emit('lock:granted', { requestId, lock });
}

/** What a record about its own lock or request means for a client. */
export function tellLock(
  { socket, asked }: Connection,
  record: AuditRecord,
  blockers: readonly LockHolder[] = [],
): void {
  const { resource = '', fence = 0, by } = record;
  const details: Details = record.details ?? {};
  const { requestId = '' } = details as { readonly requestId?: string };
  switch (record.type) {
    case 'lock.broken':
      socket.emit('lock:lost', { resource, fence, reason: 'admin', by });
      return;
    case 'lock.taken_over':
      socket.emit('lock:lost', { resource, fence, reason: record.reason as LockLostReason, by });
      return;
    case 'lock.granted': {
      // Who was answered at once has it from the answer, unless it was asked for over a socket that is gone: a node that
      // was frozen asks late, and data that came back older knows of no newer socket.
      if (typeof details['waited'] !== 'number' && asked.has(requestId)) return;
      const { mode, scope, note } = details as Pick<Lock, 'mode' | 'scope' | 'note'>;
      const lock = { resource, mode, scope, fence, grantedAt: record.at, ...(note ? { note } : {}) };
      socket.emit('lock:granted', { requestId, lock });
      return;
    }
    case 'lock.requested': {
      const denial = DENIALS[String(details['state'])];
      if (!denial) return;
      const message = denial.say(resource, by.name ?? 'The holder');
      const names = blockers.length > 0 && { blockers };
      socket.emit('lock:denied', { requestId, error: { code: denial.code, message, ...names } });
      return;
    }
    default:
  }
}

/** A wait whose time is over: who is in the way now is said with it, unless that cannot be read. */
export async function tellDenied(
  connection: Connection,
  record: AuditRecord,
  locks: Pick<Locks, 'blockers'>,
): Promise<void> {
  const { mode, scope } = record.details as unknown as Pick<Lock, 'mode' | 'scope'>;
  const want = [record.resource ?? '', mode, scope];
  const { tenant } = connection.attachment;
  tellLock(connection, record, await locks.blockers(tenant, askerOf(connection), want).catch(() => []));
}
