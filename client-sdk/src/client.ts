import type { ClientCalls } from '@lastcall/shared';
import type { Connection } from './connection.js';
import type { LockHandle } from './handle.js';
import { LockParts } from './lock-parts.js';
import type { LockOptions, LockWish, TakeoverOptions } from './locks.js';
import { type LastcallOptions, settingsOf } from './options.js';
import type { SaveResult } from './saving.js';
import { Session } from './session.js';
import { SessionClient } from './session-client.js';
import type { LockWatcher } from './watches.js';

/**
 * One session of one person with the broker, and its locks.
 * @example
 * const client = createClient({ url: 'https://broker.example', token: () => fetchToken() });
 * client.onSave(() => saveInvoice());
 * await client.connect();
 * const lock = await client.lock('invoices/7', { waitMs: 60_000 });
 */
export class LastcallClient extends SessionClient {
  readonly #connection: Connection;
  readonly #parts: LockParts;

  constructor(options: LastcallOptions) {
    const session = new Session(settingsOf(options));
    super(session);
    this.#connection = session.connection;
    this.#parts = session.attach((ports) => new LockParts(ports));
  }

  /**
   * Gets a lock, at once or when its turn in the queue has come.
   * @throws LastcallError `locked` with `extras.blockers`, `queue_full`, `lock_limit`, `deadlock`, `invalid`,
   * `session_ended`, `unavailable`; the signal's reason when that aborts
   */
  lock(resource: string, options?: LockOptions): Promise<LockHandle> {
    return this.#parts.locks.lock(resource, options);
  }

  /**
   * Gets several locks, all or nothing, without waiting.
   * @throws LastcallError as `lock`
   */
  lockMany(
    resources: readonly LockWish[],
    options: Pick<LockOptions, 'signal'> = {},
  ): Promise<readonly LockHandle[]> {
    return this.#parts.locks.lockMany(resources, options.signal);
  }

  /**
   * Gets a lock from its holder, who is asked, has some time to save, and may keep it; by force at once. What
   * `blockers[].takeable` says decides which is possible.
   * @throws LastcallError `takeover_refused`, and as `lock`; the signal's reason when that aborts
   */
  takeover(resource: string, options?: TakeoverOptions): Promise<LockHandle> {
    return this.#parts.locks.takeover(resource, options);
  }

  /**
   * Hands a lock over that somebody asked for, after saving what is unsaved of its record; not if that failed.
   * @throws LastcallError `not_found` when nobody asks any more, `unavailable`
   */
  yield(requestId: string): Promise<SaveResult> {
    return this.#parts.requested.yield(requestId);
  }

  /**
   * Keeps a lock that somebody asked for.
   * @throws LastcallError `not_found` when nobody asks any more, `unavailable`
   */
  keep(requestId: string): Promise<void> {
    return this.#parts.requested.keep(requestId);
  }

  /**
   * Tells who holds and who waits for what, of all resources that begin with the prefix: at once, after each change,
   * and anew after a reconnection. Returns what ends that.
   * @throws LastcallError `invalid`, `lock_limit`
   */
  watchLocks(prefix: string, listener: LockWatcher): () => void {
    return this.#parts.watches.add(prefix, listener);
  }

  /**
   * Asks the broker whether a lock is held with this fence.
   * @throws unavailable
   */
  check(resource: string, fence: number): Promise<ClientCalls['lock:check']['answer']> {
    return this.#connection.call('lock:check', { resource, fence });
  }

  /**
   * Asks who holds a resource and who waits for it.
   * @throws unavailable
   */
  query(resource: string): Promise<ClientCalls['lock:query']['answer']> {
    return this.#connection.call('lock:query', { resource });
  }

  /**
   * Milliseconds until an order's deadline, or until a lock request's time is over: its wait, or the holder's time to
   * answer. Undefined for what does not concern this session.
   */
  override remainingMs(id: string): number | undefined {
    const { requested, locks } = this.#parts;
    return super.remainingMs(id) ?? requested.remainingMs(id) ?? locks.remainingMs(id);
  }
}

/** Makes a client; `connect()` opens its session. */
export function createClient(options: LastcallOptions): LastcallClient {
  return new LastcallClient(options);
}
