import type { AuditRecord } from '@lastcall/shared';
import type { History } from './format.js';
import { claimOf, conflict, END_TYPES, type Hold, Replay, replacedBy, requestOf } from './replay.js';

/** One line per violation, naming the record (`epoch/rev`) or the operation. */
export type Checker = (history: History) => readonly string[];

export const nameOf = ({ epoch, rev, type }: AuditRecord): string => `${epoch}/${rev} ${type}`;

/** A resource never has two holders whose claims exclude each other: modes, scopes, at any record. */
export const exclusion: Checker = ({ records }) => {
  const replay = new Replay();
  const found: string[] = [];
  for (const record of records) {
    if (record.type === 'lock.granted') {
      const claim = claimOf(record);
      for (const hold of replay.holdsAround(claim.resource)) {
        if (conflict(hold, claim)) {
          found.push(`${nameOf(record)}: ${claim.resource} while fence ${hold.fence} holds ${hold.resource}`);
        }
      }
    }
    replay.apply(record);
  }
  return found;
};

/** Fences strictly increase with every grant in the tenant, over epochs too, and clients see those that were recorded. */
export const fences: Checker = ({ records, ops }) => {
  const found: string[] = [];
  const granted = new Map<number, AuditRecord>();
  let last = 0;
  for (const record of records) {
    if (record.type !== 'lock.granted') continue;
    const { fence = 0 } = record;
    if (!Number.isSafeInteger(fence) || fence <= last) {
      found.push(`${nameOf(record)}: fence ${fence} after ${last}`);
    }
    last = Math.max(last, fence);
    granted.set(fence, record);
  }
  for (const { op, opId, fence, session, key } of ops) {
    if (fence === undefined || op === 'release' || op === 'check' || op === 'write') continue;
    const record = granted.get(fence);
    if (!record) found.push(`${op} ${opId}: fence ${fence} was never recorded`);
    else if (record.sessionId !== session || record.resource !== key) {
      found.push(`${op} ${opId}: fence ${fence} is of another grant, ${nameOf(record)}`);
    }
  }
  return found;
};

/** Why a record cannot end a hold. */
function objectionTo(record: AuditRecord, replay: Replay, over: ReadonlySet<number>): string | undefined {
  const { fence = 0 } = record;
  const hold = replay.holds.get(fence);
  if (!hold) return over.has(fence) ? `fence ${fence} ended before` : `fence ${fence} was never granted`;
  if (hold.delayedUntil !== undefined) return objectionToFreeing(record, hold, hold.delayedUntil);
  return hold.session === record.sessionId && hold.resource === record.resource
    ? undefined
    : `fence ${fence} is of ${hold.session} on ${hold.resource}`;
}

/** What is kept back ends by itself at its time, or before if an administrator breaks it; it is nobody's any more. */
function objectionToFreeing(record: AuditRecord, hold: Hold, delayedUntil: number): string | undefined {
  if (record.sessionId !== undefined || record.resource !== hold.resource) {
    return `fence ${hold.fence} is of nobody, on ${hold.resource}`;
  }
  if (record.type === 'lock.broken') return undefined;
  if (record.type !== 'lock.released' || record.reason !== 'delay_over')
    return `fence ${hold.fence} ended before`;
  return record.at < delayedUntil ? `fence ${hold.fence} is kept back until ${delayedUntil}` : undefined;
}

/** Every grant ends once: given back, taken, broken, lost with its session in that instant, or replaced by its upgrade. */
export const ends: Checker = ({ records }) => {
  const replay = new Replay();
  const found: string[] = [];
  const over = new Set<number>();
  const dying = new Map<string, AuditRecord>();
  const settle = (at: number): void => {
    for (const [session, end] of dying) {
      if (at <= end.at) continue;
      dying.delete(session);
      for (const hold of replay.holds.values()) {
        if (hold.session === session && hold.delayedUntil === undefined)
          found.push(`${nameOf(end)}: fence ${hold.fence} outlives its session`);
      }
    }
  };
  for (const record of records) {
    settle(record.at);
    if (record.type === 'session.ended' && record.sessionId) {
      if (replay.sessions.get(record.sessionId) === 'ended') found.push(`${nameOf(record)}: ended before`);
      dying.set(record.sessionId, record);
    }
    if (END_TYPES.has(record.type)) {
      const objection = objectionTo(record, replay, over);
      if (objection !== undefined) found.push(`${nameOf(record)}: ${objection}`);
      over.add(record.fence ?? 0);
    }
    if (record.type === 'lock.granted') {
      const { resource, session, scope } = claimOf(record);
      const replaced = replacedBy(record);
      const before = replay.holdOn(resource, session);
      if (before?.fence !== replaced) {
        found.push(
          `${nameOf(record)}: replaces ${replaced ?? 'nothing'}, holds ${before?.fence ?? 'nothing'}`,
        );
      }
      if (before && before.scope !== scope && replay.taking !== requestOf(record)) {
        found.push(`${nameOf(record)}: a ${before.scope} becomes a ${scope}`);
      }
      if (replaced !== undefined) over.add(replaced);
    }
    replay.apply(record);
  }
  settle(Number.POSITIVE_INFINITY);
  return found;
};
