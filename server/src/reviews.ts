import {
  type AuditRecord,
  type EndReason,
  type LockEntry,
  type LockHolder,
  MAX_REVIEW_ROWS,
  type Page,
  type Policy,
  presetOf,
  REVIEW_SPAN_MS,
  type Review,
  type ReviewCount,
  type Session,
  type StaleUser,
  type UserRef,
} from '@lastcall/shared';
import type { Audit } from './audit.js';
import type { StoreClock } from './clock.js';
import type { Locks } from './locks.js';
import type { Policies } from './policy.js';
import type { Sessions } from './sessions.js';

/** Most of each kind that one review looks at; it says how far it came. */
const MAX_RECORDS = 20_000;
const MAX_SESSIONS = 5_000;
const MAX_LOCKS = 5_000;
const READ_PAGE = 1_000;

interface Read<T> {
  readonly items: readonly T[];
  readonly isAll: boolean;
}

/** Follows pages until there are no more, or enough. */
async function readUpTo<T>(
  most: number,
  look: (page: { limit: number; cursor?: string }) => Promise<Page<T>>,
): Promise<Read<T>> {
  const items: T[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < most / READ_PAGE; pages += 1) {
    const page = await look({ limit: READ_PAGE, ...(cursor === undefined ? {} : { cursor }) });
    items.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) return { items, isAll: true };
  }
  return { items, isAll: false };
}

/** Those who are signed in and had no input for `idleAfterMs` in any of these sessions, the longest first. */
function staleUsersOf(sessions: readonly Session[], policy: Policy, now: number): readonly StaleUser[] {
  const users = new Map<string, StaleUser>();
  for (const { user, lastInputAt } of sessions) {
    const known = users.get(user.id);
    users.set(user.id, {
      user: { id: user.id, name: user.name },
      sessions: (known?.sessions ?? 0) + 1,
      lastInputAt: Math.max(known?.lastInputAt ?? 0, lastInputAt),
    });
  }
  return [...users.values()]
    .filter(({ lastInputAt }) => now - lastInputAt >= policy.idleAfterMs)
    .toSorted((a, b) => a.lastInputAt - b.lastInputAt)
    .slice(0, MAX_REVIEW_ROWS);
}

function longestOf(entries: readonly LockEntry[]): readonly LockHolder[] {
  return entries
    .flatMap(({ holders }) => holders)
    .toSorted((a, b) => a.grantedAt - b.grantedAt)
    .slice(0, MAX_REVIEW_ROWS);
}

interface End {
  readonly user: UserRef;
  readonly at: number;
  readonly reason: EndReason;
}

/** Who it happened to, the most often first. Ends are given newest first. */
function countsOf(ends: Iterable<End>): readonly ReviewCount[] {
  const counts = new Map<string, ReviewCount>();
  for (const { user, at, reason } of ends) {
    const known = counts.get(user.id) ?? { user, times: 0, lastAt: at, reasons: {} };
    const reasons = { ...known.reasons, [reason]: (known.reasons[reason] ?? 0) + 1 };
    counts.set(user.id, { ...known, times: known.times + 1, reasons });
  }
  return [...counts.values()]
    .toSorted((a, b) => b.times - a.times || b.lastAt - a.lastAt)
    .slice(0, MAX_REVIEW_ROWS);
}

/** What the trail tells. Records are given newest first, so that an end is seen before the `saved` that led to it. */
function findingsIn(records: readonly AuditRecord[]) {
  const forced = new Map<string, End>();
  const lost: End[] = [];
  for (const { type, sessionId = '', orderId, user, at, reason, details } of records) {
    const key = `${sessionId} ${orderId ?? ''}`;
    if (type === 'order.acked' && details?.['state'] === 'saved') forced.delete(key);
    if (type !== 'session.ended' || !user) continue;
    const end = { user, at, reason: reason as EndReason };
    if (orderId !== undefined) forced.set(key, end);
    else if (reason === 'unresponsive') lost.push(end);
  }
  return {
    mostForced: countsOf(forced.values()),
    withoutLogoff: countsOf(lost),
    changes: records.filter(({ type }) => type === 'policy.changed').slice(0, MAX_REVIEW_ROWS),
  };
}

/** The periodic review of a tenant: what an administrator should look at from time to time. */
export class Reviews {
  readonly #audit: Audit;
  readonly #sessions: Sessions;
  readonly #locks: Locks;
  readonly #policies: Policies;
  readonly #clock: StoreClock;

  constructor(parts: {
    audit: Audit;
    sessions: Sessions;
    locks: Locks;
    policies: Policies;
    clock: StoreClock;
  }) {
    this.#audit = parts.audit;
    this.#sessions = parts.sessions;
    this.#locks = parts.locks;
    this.#policies = parts.policies;
    this.#clock = parts.clock;
  }

  /** @param since epoch milliseconds. Default: 30 days ago. */
  async get(tenant: string, since?: number): Promise<Review> {
    const at = this.#clock.now();
    const start = since ?? Math.max(0, at - REVIEW_SPAN_MS);
    const policy = await this.#policies.get(tenant);
    const sessions = await readUpTo(MAX_SESSIONS, (page) => this.#sessions.list(tenant, {}, page));
    const locks = await readUpTo(MAX_LOCKS, (page) => this.#locks.list(tenant, {}, page));
    const trail = await this.#trail(tenant, start);
    const { changes, ...findings } = findingsIn(trail.items);
    const preset = presetOf(policy);
    return {
      at,
      since: start,
      from: trail.from,
      complete: trail.isAll && sessions.isAll && locks.isAll,
      sessions: {
        total: sessions.isAll ? sessions.items.length : await this.#sessions.count(tenant),
        looked: sessions.items.length,
      },
      locks: {
        total: locks.isAll ? locks.items.length : await this.#locks.count(tenant),
        looked: locks.items.length,
      },
      staleUsers: staleUsersOf(sessions.items, policy, at),
      longestLocks: longestOf(locks.items),
      ...findings,
      policy: { version: policy.version, ...(preset ? { preset } : {}), changes },
    };
  }

  /** The records since an instant, newest first, and from when on they are all there. */
  async #trail(tenant: string, since: number): Promise<Read<AuditRecord> & { from: number }> {
    const read = await readUpTo(MAX_RECORDS, (page) => this.#audit.list(tenant, { from: since }, page));
    const oldest = read.items.at(-1);
    if (!oldest || oldest.rev === 1) return { ...read, from: read.isAll ? since : (oldest?.at ?? since) };
    if (!read.isAll) return { ...read, from: oldest.at };
    // Nothing before the oldest one: what was there has been trimmed, or went with lost data.
    const before = await this.#audit.list(tenant, {}, { limit: 1, cursor: String(oldest.rev) });
    const isAll = before.items.length > 0;
    return { ...read, isAll, from: isAll ? since : oldest.at };
  }
}
