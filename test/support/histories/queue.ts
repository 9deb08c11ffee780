import type { AuditRecord } from '@lastcall/shared';
import { type Checker, nameOf } from './checks.js';
import { Gaps, type Reach, reachOf } from './reach.js';
import { claimOf, conflict, type Hold, Replay, replacedBy, requestOf, rootOf, type Wait } from './replay.js';

/**
 * Nobody is granted who is dead or, after a wait, out of reach; nobody past an older request in reach that excludes
 * theirs (so readers go together, upgrades and take-overs ahead); what may be granted is, within 2 s.
 */
const FREE_LIMIT_MS = 2_000;

export const queue: Checker = (history) => {
  const { records } = history;
  const replay = new Replay();
  const gaps = new Gaps(history);
  const reach = reachOf(history, replay, gaps);
  const found: string[] = [];
  let current = 0;
  for (const record of records) {
    for (const session of reach.advance()) comeBack(session, record.at, replay, reach);
    if (record.at > current) found.push(...overdue(replay, record.at, reach, gaps));
    current = Math.max(current, record.at);
    if (record.type === 'lock.granted') found.push(...objectionsTo(record, replay, reach));
    replay.apply(record);
    refresh(record, replay, reach);
  }
  return found;
};

function objectionsTo(record: AuditRecord, replay: Replay, reach: Reach): string[] {
  const found: string[] = [];
  const claim = claimOf(record);
  const { session } = claim;
  const state = replay.sessions.get(session);
  const wait = replay.waitOf(session, requestOf(record));
  if (state === 'ended' || state === undefined)
    found.push(`${nameOf(record)}: to a dead session, ${session}`);
  if (wait && reach.isOut(session, record.at))
    found.push(`${nameOf(record)}: to a waiter out of reach, ${session}`);
  // Whoever takes a lock is ahead of all who wait, in the step that takes it; from the queue it is one of them.
  if (replay.taking === requestOf(record)) return found;
  // What is upgraded at once was held already, in the same scope (`ends`), and is kept from those who wait.
  if (replacedBy(record) !== undefined && !wait) return found;
  const ticket = wait?.ticket ?? Number.POSITIVE_INFINITY;
  for (const other of replay.waitsAround(claim.resource)) {
    if (other.ticket >= ticket || !conflict(other, claim)) continue;
    if (!reach.isIn(other.session, record.at)) continue;
    found.push(`${nameOf(record)}: past the older request ${other.requestId} for ${other.resource}`);
  }
  return found;
}

/** Who could have had its lock for too long. */
function overdue(replay: Replay, now: number, reach: Reach, gaps: Gaps): string[] {
  const found: string[] = [];
  for (const wait of replay.waits.values()) {
    const since = Math.min(
      wait.freeSince ?? Number.POSITIVE_INFINITY,
      wait.deadlineAt ?? Number.POSITIVE_INFINITY,
    );
    if (now <= since + FREE_LIMIT_MS || gaps.between(since, now)) continue;
    if (reach.isOut(wait.session, now) || !reach.isIn(wait.session, since)) continue;
    // What is kept back is waited for by who takes it over, too.
    if ([...replay.holdsAround(wait.resource)].some((hold) => isKeptFrom(hold, wait))) continue;
    found.push(`${wait.requestId} for ${wait.resource}: free since ${since}, not granted by ${now}`);
    wait.freeSince = undefined;
  }
  for (const hold of replay.holds.values()) {
    const { delayedUntil: until = Number.POSITIVE_INFINITY } = hold;
    if (now <= until + FREE_LIMIT_MS || gaps.between(until, now)) continue;
    found.push(`fence ${hold.fence} of ${hold.resource}: kept back until ${until}, not free by ${now}`);
    hold.delayedUntil = Number.POSITIVE_INFINITY;
  }
  return found;
}

const isKeptFrom = (hold: Hold, wait: Wait): boolean =>
  hold.delayedUntil !== undefined && conflict(hold, wait);

/** Looks again at those whose case the record may have changed. */
function refresh(record: AuditRecord, replay: Replay, reach: Reach): void {
  const roots = record.resource
    ? [rootOf(record.resource)]
    : record.type.startsWith('session.')
      ? replay.waitsIn.keys()
      : [];
  for (const root of roots) refreshIn(root, record.at, replay, reach);
}

function refreshIn(root: string, at: number, replay: Replay, reach: Reach): void {
  for (const wait of replay.waitsIn.get(root) ?? []) {
    if (!isFree(wait, at, replay, reach)) wait.freeSince = undefined;
    else wait.freeSince ??= at;
  }
}

/** A session has a lease again: nothing was there for it before, and others wait for it from now on. */
function comeBack(session: string, at: number, replay: Replay, reach: Reach): void {
  for (const wait of replay.waits.values()) if (wait.session === session) wait.freeSince = undefined;
  for (const root of replay.waitsIn.keys()) refreshIn(root, at, replay, reach);
}

function isFree(wait: Wait, at: number, replay: Replay, reach: Reach): boolean {
  if (reach.isOut(wait.session, at)) return false;
  for (const hold of replay.holdsAround(wait.resource)) {
    if (conflict(hold, wait)) return false;
    // What a session asks for twice it gets once; the second request waits for the first one's release.
    if (wait.kind === 'plain' && hold.session === wait.session && hold.resource === wait.resource)
      return false;
  }
  for (const other of replay.waitsAround(wait.resource)) {
    // A session does not wait for itself.
    if (other.ticket < wait.ticket && conflict(other, wait) && !reach.isOut(other.session, at)) return false;
  }
  return true;
}
