import {
  type AcquireAnswer,
  type AcquireRequest,
  type Actor,
  LastcallError,
  type Lock,
  type LockEntry,
  type LockHolder,
  type LockWaiter,
  type Page,
} from '@lastcall/shared';
import type { Metrics } from './metrics.js';
import { listOf, type Store } from './redis/store.js';

/** A lock as a script writes it: the fence in digits. */
export type StoredLock = Omit<Lock, 'fence'> & { fence: string };

export const lockOf = (stored: StoredLock): Lock => ({ ...stored, fence: Number(stored.fence) });

type StoredAcquire =
  | { state: 'granted'; lock: StoredLock }
  | { state: 'queued'; requestId: string; position: number; blockers: readonly LockHolder[] };

type StoredEntry = {
  resource: string;
  holders: readonly LockHolder[] | Record<string, never>;
  waiters: readonly LockWaiter[] | Record<string, never>;
};

export interface LockFilter {
  readonly prefix?: string;
  readonly session?: string;
  readonly user?: string;
}

const READ_PAGE = 100;
const LOOK_LIMIT = 5_000;

function entryOf(stored: StoredEntry): LockEntry {
  return { resource: stored.resource, holders: listOf(stored.holders), waiters: listOf(stored.waiters) };
}

function concerns(entry: LockEntry, filter: LockFilter): boolean {
  const people = [...entry.holders, ...entry.waiters];
  if (filter.session !== undefined && !people.some((p) => p.sessionId === filter.session)) return false;
  return filter.user === undefined || people.some((p) => p.user.id === filter.user);
}

/** Rights on resources: asked for, waited for, given back, checked, broken. */
export class Locks {
  readonly #store: Store;
  readonly #metrics: Pick<Metrics, 'lock'>;

  constructor(store: Store, metrics: Pick<Metrics, 'lock'>) {
    this.#store = store;
    this.#metrics = metrics;
  }

  /**
   * Grants a lock or a place in its queue. The same `requestId` again finds its own grant or place.
   * @throws LastcallError `locked`, `queue_full`, `lock_limit`, `session_ended`, `conflict`, `invalid`
   */
  async acquire(tenant: string, sessionId: string, request: AcquireRequest): Promise<AcquireAnswer> {
    const { resource, mode = 'exclusive', scope = 'record', waitMs = 0, requestId, note = '' } = request;
    if (mode !== 'exclusive' || scope !== 'record') {
      throw new LastcallError('invalid', 'This broker grants exclusive locks on single records only.', {
        issues: [
          { path: mode === 'exclusive' ? 'scope' : 'mode', message: 'ask for an exclusive lock on a record' },
        ],
      });
    }
    const args = [sessionId, resource, mode, scope, waitMs, requestId, note];
    const answer = await this.#store
      .run<StoredAcquire>('lock_acquire', tenant, args)
      .catch((error: unknown) => {
        this.#metrics.lock('denied');
        throw error;
      });
    this.#metrics.lock(answer.state);
    if (answer.state === 'granted') return { state: 'granted', lock: lockOf(answer.lock) };
    return { ...answer, blockers: listOf(answer.blockers) };
  }

  /** Gives a lock back; `released: false`: it was not held with that fence. */
  async release(
    tenant: string,
    sessionId: string,
    resource: string,
    fence: number,
  ): Promise<{ released: boolean }> {
    return await this.#store.run('lock_release', tenant, [sessionId, resource, String(fence)]);
  }

  /** Leaves the queue, or gives back what was granted to that request meanwhile. */
  async cancel(tenant: string, sessionId: string, requestId: string): Promise<void> {
    await this.#store.run('lock_cancel', tenant, [sessionId, requestId]);
  }

  /** Whether a lock is held with this fence by a session whose lease runs; of one session, or of any. */
  async check(
    tenant: string,
    resource: string,
    fence: number,
    sessionId = '',
  ): Promise<{ valid: boolean; lock?: Lock }> {
    const args = [resource, String(fence), sessionId];
    const answer = await this.#store.run<{ valid: boolean; lock?: StoredLock }>('lock_check', tenant, args);
    return answer.lock ? { valid: answer.valid, lock: lockOf(answer.lock) } : { valid: answer.valid };
  }

  /** Who holds a resource and who waits for it. */
  async query(tenant: string, resource: string): Promise<LockEntry> {
    const [entry] = await this.#read(tenant, `[${resource}`, `[${resource}`, 1);
    return entry ?? { resource, holders: [], waiters: [] };
  }

  /** The locks one session holds, by name. */
  async heldBy(tenant: string, sessionId: string): Promise<readonly Lock[]> {
    const { locks } = await this.#store.run<{ locks: StoredLock[] }>('lock_held', tenant, [sessionId]);
    return listOf(locks)
      .map(lockOf)
      .toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
  }

  /** A page of locked resources by name; the cursor is the last name seen. */
  async list(
    tenant: string,
    filter: LockFilter,
    page: { limit: number; cursor?: string },
  ): Promise<Page<LockEntry>> {
    const prefix = filter.prefix ?? '';
    const last = prefix === '' ? '+' : `[${prefix}\u{7f}`;
    const items: LockEntry[] = [];
    let after = page.cursor;
    for (let looked = 0; looked < LOOK_LIMIT; looked += READ_PAGE) {
      const first = after === undefined ? `[${prefix}` : `(${after}`;
      const entries = await this.#read(tenant, first, last, READ_PAGE);
      for (const entry of entries) {
        after = entry.resource;
        if (concerns(entry, filter)) items.push(entry);
        if (items.length === page.limit) return { items, next: after };
      }
      if (entries.length < READ_PAGE) return { items };
    }
    return after === undefined ? { items } : { items, next: after };
  }

  /** How many resources are locked or waited for. */
  async count(tenant: string): Promise<number> {
    return await this.#store.countLocks(tenant);
  }

  /** Takes a lock from its holder on an administrator's word; answers whose it was. */
  async break(tenant: string, resource: string, reason: string, by: Actor): Promise<readonly string[]> {
    const args = [resource, reason, JSON.stringify(by)];
    return (await this.#store.run<{ broken: readonly string[] }>('lock_break', tenant, args)).broken;
  }

  async #read(tenant: string, first: string, last: string, count: number): Promise<LockEntry[]> {
    const answer = await this.#store.run<{ items: StoredEntry[] }>('lock_list', tenant, [first, last, count]);
    return listOf(answer.items).map(entryOf);
  }
}
