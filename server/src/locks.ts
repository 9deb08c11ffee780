import {
  type AcquireAnswer,
  type AcquireManyRequest,
  type AcquireRequest,
  type Actor,
  LastcallError,
  type Lock,
  type LockAnswer,
  type LockEntry,
  type LockHolder,
  type Page,
  type TakeoverAnswer,
  type TakeoverRequest,
  type UpgradeRequest,
} from '@lastcall/shared';
import {
  ADMINISTRATOR,
  entryOf,
  holdersOf,
  type LockAsker,
  lockOf,
  refusalFor,
  type StoredEntry,
  type StoredHolder,
  type StoredLock,
} from './lock-view.js';
import type { Metrics } from './metrics.js';
import { listOf, type Store } from './redis/store.js';

/** Who asks for locks, over which of its sockets. */
type Asking = LockAsker & { readonly sessionId: string; readonly attach: number };

interface KeptLocks {
  readonly locks: readonly Lock[];
  readonly grants: ReadonlyMap<string, Lock>;
  readonly requests: readonly string[];
}

type StoredAcquire =
  | { state: 'granted'; lock: StoredLock }
  | { state: 'queued'; requestId: string; position: number; blockers: readonly StoredHolder[] };

type StoredTakeover = { state: 'granted'; lock: StoredLock } | { state: 'asked'; deadlineMs: number };

interface StoredList {
  readonly items: readonly StoredEntry[];
  readonly more: boolean;
}

export interface LockFilter {
  readonly prefix?: string;
  readonly session?: string;
  readonly user?: string;
}

const READ_PAGE = 100;
const LOOK_LIMIT = 5_000;
/** How many scripts one breaking takes at most, each of 50 locks. */
const MAX_ROUNDS = 2_000;

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
   * @throws LastcallError `locked`, `deadlock`, `queue_full`, `lock_limit`, `session_ended`, `conflict`
   */
  async acquire(tenant: string, asker: Asking, request: AcquireRequest): Promise<AcquireAnswer> {
    const { resource, mode = 'exclusive', scope = 'record', waitMs = 0, requestId, note = '' } = request;
    const args = [asker.sessionId, resource, mode, scope, waitMs, requestId, note, asker.attach];
    return await this.#ask('lock_acquire', tenant, asker, args);
  }

  /**
   * Grants several locks, or none of them; nobody waits.
   * @throws LastcallError `locked`, `lock_limit`, `session_ended`, `conflict`
   */
  async acquireMany(tenant: string, asker: Asking, request: AcquireManyRequest): Promise<readonly Lock[]> {
    const wishes = request.resources.flatMap(({ resource, mode = 'exclusive', scope = 'record' }) => [
      resource,
      mode,
      scope,
    ]);
    const args = [asker.sessionId, request.requestId, ...wishes, asker.attach];
    const { locks } = await this.#try<{ locks: readonly StoredLock[] }>(
      'lock_acquire_many',
      tenant,
      asker,
      args,
    );
    this.#metrics.lock('granted');
    return locks.map((lock) => this.#granted(tenant, lock));
  }

  /**
   * Makes a shared lock exclusive, ahead of the queue.
   * @throws LastcallError `not_held`, and as `acquire`
   */
  async upgrade(tenant: string, asker: Asking, request: UpgradeRequest): Promise<AcquireAnswer> {
    const { resource, fence, waitMs = 0, requestId } = request;
    const args = [asker.sessionId, resource, String(fence), waitMs, requestId, asker.attach];
    return await this.#ask('lock_upgrade', tenant, asker, args);
  }

  /**
   * Takes a lock from its holders: they are asked and have `takeoverMs`; idle ones yield at once, and so does everybody
   * to force.
   * @throws LastcallError `takeover_refused`, `lock_limit`, `session_ended`, `conflict`
   */
  async takeover(tenant: string, asker: Asking, request: TakeoverRequest): Promise<TakeoverAnswer> {
    const { resource, force = false, reason = '', requestId } = request;
    const rights = [force ? '1' : '0', reason, requestId, asker.mayForce ? '1' : '0'];
    const args = [asker.sessionId, resource, ...rights, asker.attach];
    const answer = await this.#try<StoredTakeover>('lock_takeover', tenant, asker, args);
    this.#metrics.lock(answer.state);
    return answer.state === 'granted'
      ? { state: 'granted', lock: this.#granted(tenant, answer.lock) }
      : answer;
  }

  /**
   * A holder's answer to somebody who takes over its lock.
   * @throws LastcallError `not_found`: nobody asks for that any more
   */
  async answer(tenant: string, sessionId: string, requestId: string, answer: LockAnswer): Promise<void> {
    await this.#store.run('lock_answer', tenant, [sessionId, requestId, answer]);
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
  async query(tenant: string, asker: LockAsker, resource: string): Promise<LockEntry> {
    return entryOf(await this.look(tenant, resource), asker);
  }

  /** The same as the registry tells it, for many who look. */
  async look(tenant: string, resource: string): Promise<StoredEntry> {
    const { items } = await this.#read(tenant, `[${resource}`, `[${resource}`, 1);
    return items[0] ?? { resource, holders: [], waiters: [] };
  }

  /** Who stands in the way of what a session waited for in vain: a resource, a mode, a scope. */
  async blockers(tenant: string, asker: Asking, want: readonly string[]): Promise<LockHolder[]> {
    const args = [asker.sessionId, ...want];
    const found = await this.#store.run<{ blockers: StoredHolder[] }>('lock_blockers', tenant, args);
    return holdersOf(found.blockers, asker);
  }

  /** The requests that wait for a resource, in order, each as `sessionId:requestId`. */
  async places(tenant: string, resource: string): Promise<readonly string[]> {
    const answer = await this.#store.run<{ places: readonly string[] }>('lock_places', tenant, [resource]);
    return listOf(answer.places);
  }

  /** The locks one session holds, by name. */
  async heldBy(tenant: string, sessionId: string): Promise<readonly Lock[]> {
    return (await this.keptBy(tenant, sessionId)).locks;
  }

  /** What the registry knows that one session holds, by name and by request, and the requests of it that wait. */
  async keptBy(tenant: string, sessionId: string): Promise<KeptLocks> {
    type Kept = { locks: readonly (StoredLock & { requestId: string })[]; requests: readonly string[] };
    const { locks, requests } = await this.#store.run<Kept>('lock_held', tenant, [sessionId]);
    const kept = listOf(locks).map(({ requestId, ...lock }) => ({
      ids: requestId.split(','),
      lock: lockOf(lock),
    }));
    const grants = new Map(kept.flatMap(({ ids, lock }) => ids.map((id) => [id, lock] as const)));
    const byName = kept.map(({ lock }) => lock).toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
    return { locks: byName, grants, requests: listOf(requests) };
  }

  /** A page of locked resources by name; the cursor is the last name seen. */
  async list(
    tenant: string,
    filter: LockFilter,
    page: { limit: number; cursor?: string },
    asker: LockAsker = ADMINISTRATOR,
  ): Promise<Page<LockEntry>> {
    const prefix = filter.prefix ?? '';
    const last = prefix === '' ? '+' : `[${prefix}\u{7f}`;
    const items: LockEntry[] = [];
    let after = page.cursor;
    for (let looked = 0; looked < LOOK_LIMIT; ) {
      const first = after === undefined ? `[${prefix}` : `(${after}`;
      const { items: read, more } = await this.#read(tenant, first, last, READ_PAGE);
      looked += Math.max(1, read.length);
      for (const stored of read) {
        const entry = entryOf(stored, asker);
        after = entry.resource;
        if (concerns(entry, filter)) items.push(entry);
        if (items.length === page.limit) return { items, next: after };
      }
      if (!more) return { items };
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
    const broken: string[] = [];
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const answer = await this.#store
        .run<{ broken: readonly string[]; more: boolean }>('lock_break', tenant, args)
        .catch((error: unknown) => {
          // The last of many went by itself.
          if (round > 0 && error instanceof LastcallError && error.code === 'not_found') return undefined;
          throw error;
        });
      broken.push(...(answer?.broken ?? []));
      if (answer?.more !== true) break;
    }
    return broken;
  }

  async #ask(
    verb: 'lock_acquire' | 'lock_upgrade',
    tenant: string,
    asker: Asking,
    args: readonly (string | number)[],
  ): Promise<AcquireAnswer> {
    const answer = await this.#try<StoredAcquire>(verb, tenant, asker, args);
    this.#metrics.lock(answer.state);
    if (answer.state === 'granted') return { state: 'granted', lock: this.#granted(tenant, answer.lock) };
    return { ...answer, blockers: holdersOf(answer.blockers, asker) };
  }

  /** A lock that its holder is about to be told of: from here on no lower fence is given out, whatever is lost. */
  #granted(tenant: string, stored: StoredLock): Lock {
    const lock = lockOf(stored);
    this.#store.fences.note(tenant, lock.fence);
    return lock;
  }

  /** Runs a verb that asks for locks; its refusals name those in the way as the one who asks may know them. */
  async #try<T extends object>(
    verb: 'lock_acquire' | 'lock_acquire_many' | 'lock_takeover' | 'lock_upgrade',
    tenant: string,
    asker: LockAsker,
    args: readonly (string | number)[],
  ): Promise<T> {
    try {
      return await this.#store.run<T>(verb, tenant, args);
    } catch (error) {
      this.#metrics.lock('denied');
      throw refusalFor(error, asker);
    }
  }

  async #read(tenant: string, first: string, last: string, count: number): Promise<StoredList> {
    const answer = await this.#store.run<StoredList>('lock_list', tenant, [first, last, count]);
    return { items: listOf(answer.items), more: answer.more };
  }
}
