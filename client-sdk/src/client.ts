import type { ClientCalls, Welcome } from '@lastcall/shared';
import type { LockHandle } from './handle.js';
import { headersOf } from './headers.js';
import type { LockOptions, LockWish, TakeoverOptions } from './locks.js';
import { type LastcallOptions, settingsOf } from './options.js';
import type { SaveHandler, SaveOptions, SaveResult } from './saving.js';
import { Session } from './session.js';
import type { Snapshot } from './snapshot.js';
import type { LockWatcher } from './watches.js';

/** Time for work that nobody waits for. */
const UNHURRIED_MS = 30_000;

/**
 * One session of one person with the broker.
 * @example
 * const client = createClient({ url: 'https://broker.example', token: () => fetchToken() });
 * client.onSave(() => saveInvoice());
 * await client.connect();
 * const lock = await client.lock('invoices/7', { waitMs: 60_000 });
 */
export class LastcallClient {
  readonly #session: Session;

  constructor(options: LastcallOptions) {
    this.#session = new Session(settingsOf(options));
  }

  /** What is the case now; the same object until something changes. */
  readonly getSnapshot = (): Snapshot => this.#session.store.get();

  /** Calls the listener after each change of the snapshot. Returns what ends that. */
  readonly subscribe = (listener: () => void): (() => void) => this.#session.store.subscribe(listener);

  /**
   * Opens the session, or resumes it. Attempts go on until `close()`, `end()` or a refusal for good.
   * @throws LastcallError the refusal; `unavailable` after `connectTimeoutMs`, though attempts go on
   */
  connect(): Promise<Welcome> {
    return this.#session.connect();
  }

  /** Drops the connection. The session stays until its lease runs out; `connect()` resumes it until then. */
  close(): void {
    this.#session.close();
  }

  /** The person signs out: the session is over at once; without a connection, when its lease runs out. */
  end(): Promise<void> {
    return this.#session.end();
  }

  /**
   * Gets a lock, at once or when its turn in the queue has come.
   * @throws LastcallError `locked` with `extras.blockers`, `queue_full`, `lock_limit`, `deadlock`, `invalid`,
   * `session_ended`, `unavailable`; the signal's reason when that aborts
   */
  lock(resource: string, options?: LockOptions): Promise<LockHandle> {
    return this.#session.locks.lock(resource, options);
  }

  /**
   * Gets several locks, all or nothing, without waiting.
   * @throws LastcallError as `lock`
   */
  lockMany(
    resources: readonly LockWish[],
    options: Pick<LockOptions, 'signal'> = {},
  ): Promise<readonly LockHandle[]> {
    return this.#session.locks.lockMany(resources, options.signal);
  }

  /**
   * Gets a lock from its holder, who is asked, has some time to save, and may keep it; by force at once. What
   * `blockers[].takeable` says decides which is possible.
   * @throws LastcallError `takeover_refused`, and as `lock`; the signal's reason when that aborts
   */
  takeover(resource: string, options?: TakeoverOptions): Promise<LockHandle> {
    return this.#session.locks.takeover(resource, options);
  }

  /**
   * Hands a lock over that somebody asked for, after saving what is unsaved of its record; not if that failed.
   * @throws LastcallError `not_found` when nobody asks any more, `unavailable`
   */
  yield(requestId: string): Promise<SaveResult> {
    return this.#session.requested.yield(requestId);
  }

  /**
   * Keeps a lock that somebody asked for.
   * @throws LastcallError `not_found` when nobody asks any more, `unavailable`
   */
  keep(requestId: string): Promise<void> {
    return this.#session.requested.keep(requestId);
  }

  /**
   * Tells who holds and who waits for what, of all resources that begin with the prefix: at once, after each change,
   * and anew after a reconnection. Returns what ends that.
   * @throws LastcallError `invalid`, `lock_limit`
   */
  watchLocks(prefix: string, listener: LockWatcher): () => void {
    return this.#session.watches.add(prefix, listener);
  }

  /** The headers that tell a guarded back end under which session, and which lock, a request is made. */
  headers(lock?: LockHandle): Readonly<Record<string, string>> {
    return headersOf(this.#session.store.get().session?.id, lock);
  }

  /**
   * Asks the broker whether a lock is held with this fence.
   * @throws unavailable
   */
  check(resource: string, fence: number): Promise<ClientCalls['lock:check']['answer']> {
    return this.#session.connection.call('lock:check', { resource, fence });
  }

  /**
   * Asks who holds a resource and who waits for it.
   * @throws unavailable
   */
  query(resource: string): Promise<ClientCalls['lock:query']['answer']> {
    return this.#session.connection.call('lock:query', { resource });
  }

  /** Registers what saves one editor's work. Returns what unregisters it. */
  onSave(handler: SaveHandler, options: SaveOptions = {}): () => void {
    return this.#session.saving.add(handler, options);
  }

  /** Says whether there is unsaved work; administrators see it before they log anybody off. */
  setDirty(dirty: boolean): void {
    this.#session.saving.setDirty(dirty);
    this.#session.heartbeat.report();
  }

  /** Says what the person is looking at, in at most 128 characters; administrators see it. */
  setView(view: string): void {
    this.#session.heartbeat.setView(view);
  }

  /** Saves what is unsaved, and goes on. */
  saveNow(): Promise<SaveResult> {
    const { orders, saving } = this.#session;
    return saving.run('asked', Math.min(UNHURRIED_MS, orders.logoffMs ?? UNHURRIED_MS));
  }

  /** Saves what is unsaved, under a hold if a logoff was ordered, and lets the session end if that succeeded. */
  async saveAndEnd(): Promise<SaveResult> {
    const { orders, saving } = this.#session;
    if (orders.logoffMs !== undefined) return orders.save('asked');
    const result = await saving.run('asked', UNHURRIED_MS);
    if (result.saved) await this.end();
    return result;
  }

  /**
   * Tells the broker that the person saw a warning.
   * @throws unavailable, not_found
   */
  seen(orderId: string): Promise<void> {
    return this.#session.orders.seen(orderId);
  }

  /**
   * Tells the broker that the work is saved: it ends the session without waiting for the deadline.
   * @throws unavailable, not_found
   */
  saved(orderId: string): Promise<void> {
    return this.#session.orders.saved(orderId);
  }

  /**
   * Asks for more time before a logoff, in milliseconds.
   * @returns milliseconds left
   * @throws unavailable, extension_refused
   */
  extend(orderId: string, ms: number): Promise<number> {
    return this.#session.orders.extend(orderId, ms);
  }

  /** The person did something. Browsers notice by themselves; other hosts say so. */
  activity(): void {
    this.#session.activity.input();
  }

  /** The person says "I am still here": ends an idle warning. */
  dismiss(): Promise<void> {
    return this.#session.activity.dismiss();
  }

  /**
   * Milliseconds until an order's deadline, or until a lock request's time is over: its wait, or the holder's time to
   * answer. Undefined for what does not concern this session.
   */
  remainingMs(id: string): number | undefined {
    const { orders, requested, locks } = this.#session;
    return orders.remainingMs(id) ?? requested.remainingMs(id) ?? locks.remainingMs(id);
  }

  /** For how many milliseconds the locks may be trusted if the broker is not heard again. */
  leaseRemainingMs(): number {
    return this.#session.lease.remainingMs;
  }
}

/** Makes a client; `connect()` opens its session. */
export function createClient(options: LastcallOptions): LastcallClient {
  return new LastcallClient(options);
}
