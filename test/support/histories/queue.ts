import type { AuditRecord } from '@lastcall/shared';
import { type Checker, nameOf } from './checks.js';
import { claimOf, conflict, Replay, replacedBy, requestOf, rootOf, type Wait } from './replay.js';

/**
 * Nobody is granted who is dead or, after a wait, out of reach; nobody past an older request in reach that excludes
 * theirs (so readers go together, upgrades and take-overs ahead); what may be granted is, within 2 s.
 *
 * Records do not say when a lease ran out, only that the session was ended or came back afterwards. Who is known to
 * have been away that way is not held to be in reach shortly before.
 */
const FREE_LIMIT_MS = 2_000;
/** A lease that ran out is noticed within this time. */
const NOTICED_MS = 2_000;

/** When sessions turn out to have been away without a word, and when nobody swept. */
class Absences {
  readonly #away = new Map<string, AuditRecord[]>();
  readonly #gaps: { readonly from: number; readonly to: number }[] = [];

  constructor(records: readonly AuditRecord[]) {
    for (const record of records) {
      const { type, sessionId = '', details } = record;
      const gap = details?.['gap'] as { from: number; to: number } | undefined;
      if (gap) this.#gaps.push(gap);
      const isSilent = type === 'session.ended' && record.reason === 'unresponsive';
      if (!isSilent && type !== 'session.resumed') continue;
      const list = this.#away.get(sessionId);
      if (list) list.push(record);
      else this.#away.set(sessionId, [record]);
    }
  }

  isAway(session: string, at: number): boolean {
    return (this.#away.get(session) ?? []).some((record) => record.at >= at && record.at <= at + NOTICED_MS);
  }

  gapBetween(from: number, to: number): boolean {
    return this.#gaps.some((gap) => gap.from <= to && gap.to >= from);
  }
}

export const queue: Checker = ({ records }) => {
  const replay = new Replay();
  const absences = new Absences(records);
  const found: string[] = [];
  let current = 0;
  for (const record of records) {
    if (record.at > current) found.push(...overdue(replay, record.at, absences));
    current = Math.max(current, record.at);
    if (record.type === 'lock.granted') found.push(...objectionsTo(record, replay, absences));
    replay.apply(record);
    refresh(record, replay);
  }
  return found;
};

function objectionsTo(record: AuditRecord, replay: Replay, absences: Absences): string[] {
  const found: string[] = [];
  const claim = claimOf(record);
  const { session } = claim;
  const state = replay.sessions.get(session);
  const wait = replay.waitOf(session, requestOf(record));
  if (state === 'ended' || state === undefined)
    found.push(`${nameOf(record)}: to a dead session, ${session}`);
  if (state === 'away' && wait) found.push(`${nameOf(record)}: to a waiter out of reach, ${session}`);
  const isUnqueued = replacedBy(record) !== undefined || replay.taken.has(requestOf(record));
  // Whoever changes what it holds, or takes it, is ahead of those who wait.
  if (isUnqueued && !wait) return found;
  if (wait?.kind === 'takeover') return found;
  const ticket = wait?.ticket ?? Number.POSITIVE_INFINITY;
  for (const other of replay.waitsAround(claim.resource)) {
    if (other.ticket >= ticket || !conflict(other, claim)) continue;
    if (replay.sessions.get(other.session) !== 'reachable' || absences.isAway(other.session, record.at))
      continue;
    found.push(`${nameOf(record)}: past the older request ${other.requestId} for ${other.resource}`);
  }
  return found;
}

/** Who could have had its lock for too long. */
function overdue(replay: Replay, now: number, absences: Absences): string[] {
  const found: string[] = [];
  for (const wait of replay.waits.values()) {
    const since = Math.min(
      wait.freeSince ?? Number.POSITIVE_INFINITY,
      wait.deadlineAt ?? Number.POSITIVE_INFINITY,
    );
    if (now <= since + FREE_LIMIT_MS || replay.sessions.get(wait.session) !== 'reachable') continue;
    if (absences.gapBetween(since, now) || absences.isAway(wait.session, since)) continue;
    found.push(`${wait.requestId} for ${wait.resource}: free since ${since}, not granted by ${now}`);
    wait.freeSince = undefined;
  }
  return found;
}

/** Looks again at those whose case the record may have changed. */
function refresh(record: AuditRecord, replay: Replay): void {
  const roots = record.resource
    ? [rootOf(record.resource)]
    : record.type.startsWith('session.')
      ? replay.waitsIn.keys()
      : [];
  for (const root of roots) {
    for (const wait of replay.waitsIn.get(root) ?? []) {
      if (!isFree(wait, replay)) wait.freeSince = undefined;
      else wait.freeSince ??= record.at;
    }
  }
}

function isFree(wait: Wait, replay: Replay): boolean {
  if (replay.sessions.get(wait.session) !== 'reachable') return false;
  for (const hold of replay.holdsAround(wait.resource)) {
    if (conflict(hold, wait)) return false;
    // What a session asks for twice it gets once; the second request waits for the first one's release.
    if (wait.kind === 'plain' && hold.session === wait.session && hold.resource === wait.resource)
      return false;
  }
  for (const other of replay.waitsAround(wait.resource)) {
    if (other.ticket >= wait.ticket || replay.sessions.get(other.session) !== 'reachable') continue;
    // One session's requests for one resource are served in their order.
    const isOwn = other.session === wait.session && other.resource === wait.resource;
    if (isOwn ? other.mode === 'exclusive' || wait.mode === 'exclusive' : conflict(other, wait)) return false;
  }
  return true;
}
