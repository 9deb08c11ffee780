import {
  type AcquireManyRequest,
  type Actor,
  LastcallError,
  type LockMode,
  type LockScope,
  MAX_NOTE_LENGTH,
  RESOURCE_PATTERN,
  type ServerPushes,
  type Welcome,
} from '@lastcall/shared';
import type { Connection } from './connection.js';
import { mayRepeat, toError, unavailable } from './errors.js';
import { Grants } from './grants.js';
import type { Handle, LockHandle, UpgradeOptions } from './handle.js';
import type { LockSidePorts } from './lock-side.js';
import { LockRequest, type RequestPorts, type Wish } from './request.js';
import type { LostReason, Snapshot } from './snapshot.js';
import { oneLine } from './text.js';
import { wishOf } from './wishes.js';

/** Most lock requests under way at once. */
const MAX_REQUESTS = 1_024;

export interface LockOptions {
  readonly mode?: LockMode;
  readonly scope?: LockScope;
  /** Milliseconds to wait in the queue, at most 300 000; 0, the default, asks once. */
  readonly waitMs?: number;
  /** Shown to whoever finds the resource locked. */
  readonly note?: string;
  /** Gives up; what is granted all the same is given back. */
  readonly signal?: AbortSignal;
}

/** One of several locks that are asked for at once. */
export type LockWish = AcquireManyRequest['resources'][number];

export interface TakeoverOptions {
  /** Without asking the holder; administrators may, and everybody when the holder has been idle for long. */
  readonly force?: boolean;
  /** Shown to the holder, and kept in the audit trail. */
  readonly reason?: string;
  /** Gives up; what is granted all the same is given back. */
  readonly signal?: AbortSignal;
}

interface Cancel {
  /** What it would be granted. */
  readonly resources?: readonly string[];
  readonly said?: () => void;
}

/** What a listener of locks is told of. */
export type LockViews = Pick<Snapshot, 'locks' | 'waiting' | 'lost'>;

export interface LocksPorts extends Omit<LockSidePorts, 'saving' | 'saveLeadMs' | 'store' | 'set'> {
  readonly changed: (views: LockViews) => void;
}

/** The session's locks: asking, waiting, and which ones this client may still believe in. */
export class Locks {
  readonly #ports: LocksPorts;
  readonly #connection: Connection;
  readonly #grants: Grants;
  readonly #requests = new Map<string, LockRequest>();
  /** Requests that nobody waits for any more, which the broker does not know yet. */
  readonly #unsaid = new Map<string, Cancel>();
  readonly #requestPorts: RequestPorts;

  constructor(ports: LocksPorts) {
    const { connection, clock, logger, lease, random } = ports;
    const changed = (): void => {
      this.#publish();
    };
    this.#ports = ports;
    this.#connection = connection;
    this.#grants = new Grants({
      clock,
      logger,
      changed,
      leaseState: () => lease.state,
      release: ({ resource, fence }) => connection.call('lock:release', { resource, fence }),
      check: ({ resource, fence }) => connection.call('lock:check', { resource, fence }),
      upgrade: (handle, options) => this.#upgrade(handle, options),
      asked: (resource) =>
        [...this.#requests.values()].some((ask) => ask.asking && ask.resources.includes(resource)),
    });
    this.#requestPorts = {
      clock,
      random,
      changed,
      ready: async (resources) => {
        await connection.ready(ports.patienceMs);
        await Promise.all(resources.map((resource) => this.#grants.released(resource)));
      },
      hold: (lock) => this.#grants.hold(lock),
      unwanted: (lock) => {
        this.#grants.unwanted(lock);
      },
      cancel: ({ id, resources }) => {
        this.#cancel(id, { resources });
      },
      over: (request) => {
        this.#requests.delete(request.id);
        this.#grants.tidy();
      },
    };
  }

  /**
   * Gets a lock, at once or after its place in the queue has come.
   * @throws LastcallError `locked` with `extras.blockers`, `queue_full`, `lock_limit`, `deadlock`, `invalid`,
   * `session_ended`, `unavailable`; the signal's reason when that aborts
   */
  async lock(resource: string, options: LockOptions = {}): Promise<LockHandle> {
    const { mode, scope, waitMs, note, signal } = options;
    const wish = wishOf(this.#connection, 'lock:acquire', {
      resource,
      requestId: this.#ports.randomId(),
      ...(mode && { mode }),
      ...(scope && { scope }),
      ...(waitMs !== undefined && { waitMs }),
      ...(note && { note: oneLine(note, MAX_NOTE_LENGTH) }),
    });
    return only(await this.#ask(wish, this.#requestPorts, signal));
  }

  /**
   * Gets several locks, all or nothing, without waiting.
   * @throws LastcallError as `lock`
   */
  async lockMany(resources: readonly LockWish[], signal?: AbortSignal): Promise<readonly LockHandle[]> {
    const request = { resources, requestId: this.#ports.randomId() };
    return await this.#ask(wishOf(this.#connection, 'lock:acquireMany', request), this.#requestPorts, signal);
  }

  /**
   * Gets a lock from its holder, who is asked and may keep it; by force at once.
   * @throws LastcallError `takeover_refused`, and as `lock`
   */
  async takeover(resource: string, options: TakeoverOptions = {}): Promise<LockHandle> {
    const { force, reason, signal } = options;
    const wish = wishOf(this.#connection, 'lock:takeover', {
      resource,
      requestId: this.#ports.randomId(),
      ...(force && { force }),
      ...(reason && { reason: oneLine(reason, MAX_NOTE_LENGTH) }),
    });
    return only(await this.#replacing(resource, wish, this.#requestPorts, signal));
  }

  async #upgrade(handle: Handle, { waitMs, signal }: UpgradeOptions): Promise<void> {
    const { resource, fence } = handle;
    if (handle.state !== 'held') throw new LastcallError('not_held', `${resource} is not locked here.`);
    if (handle.mode === 'exclusive') return;
    const requestId = this.#ports.randomId();
    const request = { resource, fence, requestId, ...(waitMs !== undefined && { waitMs }) };
    const ports: RequestPorts = {
      ...this.#requestPorts,
      hold: (lock) => this.#grants.upgraded(handle, lock),
    };
    const wish = wishOf(this.#connection, 'lock:upgrade', request);
    await this.#replacing(resource, wish, ports, signal);
  }

  /** Asks for a lock that takes the place of the one held, if one is: a session has one lock of a resource. */
  async #replacing(
    resource: string,
    wish: Wish,
    ports: RequestPorts,
    signal?: AbortSignal,
  ): Promise<readonly LockHandle[]> {
    const decided = this.#grants.replacing(resource);
    // What was granted meanwhile is gone with it, the lock it took the place of included: only the broker knows.
    const said = (): void => {
      decided();
      void this.#grants.doubt(resource, { reason: 'away' });
    };
    const cancel = ({ id }: LockRequest): void => {
      this.#cancel(id, { said });
    };
    try {
      const granted = await this.#ask(wish, { ...ports, cancel }, signal);
      decided();
      return granted;
    } catch (error) {
      // Otherwise it may have been granted all the same.
      if (error instanceof LastcallError && !mayRepeat(error)) decided();
      throw error;
    }
  }

  async #ask(wish: Wish, ports: RequestPorts, signal?: AbortSignal): Promise<readonly LockHandle[]> {
    signal?.throwIfAborted();
    const wrong = wish.resources.find((resource) => !RESOURCE_PATTERN.test(resource));
    if (wrong !== undefined) throw new LastcallError('invalid', `"${wrong}" is not a resource.`);
    if (!this.#connection.running) throw unavailable('This client is not connected.');
    if (this.#requests.size >= MAX_REQUESTS)
      throw new LastcallError('lock_limit', 'Too many locks are asked for at once.');
    const request = new LockRequest(wish, ports, signal);
    this.#requests.set(request.id, request);
    void request.ask();
    return await request.handles;
  }

  /** Milliseconds until a wait, or the time of a holder who was asked, is over. */
  remainingMs(requestId: string): number | undefined {
    return this.#requests.get(requestId)?.remainingMs;
  }

  /** The whole truth after a (re)connection. */
  welcome({ locks, waiting }: Welcome): void {
    this.#grants.confirm(locks);
    const places = new Map(waiting.map((entry) => [entry.requestId, entry.position]));
    for (const request of this.#requests.values()) {
      const position = places.get(request.id);
      places.delete(request.id);
      if (position === undefined) void request.ask();
      else request.queue(position);
    }
    for (const requestId of places.keys()) this.#cancel(requestId);
  }

  granted({ requestId, lock }: ServerPushes['lock:granted']): void {
    const request = this.#requests.get(requestId);
    if (request) request.grant([lock]);
    else this.#grants.unwanted(lock);
  }

  denied({ requestId, error }: ServerPushes['lock:denied']): void {
    this.#requests.get(requestId)?.deny(toError(error));
  }

  lost(push: ServerPushes['lock:lost']): void {
    this.#grants.lost(push);
  }

  /** The broker may have given a lock of ours to somebody else. */
  doubt(resource: string, by: Actor): void {
    void this.#grants.doubt(resource, { reason: 'takeover', by });
  }

  /** Our place in a queue is another one. */
  moved({ requestId, position }: ServerPushes['lock:position']): void {
    this.#requests.get(requestId)?.move(position);
  }

  leaseRenewed(): void {
    this.#grants.renewed();
    // The store answers again, perhaps after it could not be told of these.
    for (const [requestId, cancel] of this.#unsaid) this.#cancel(requestId, cancel);
  }

  leaseChanged(): void {
    this.#grants.settle();
  }

  /** This client holds nothing and waits for nothing any more. */
  end(reason: LostReason, error: LastcallError): void {
    this.#grants.loseAll(reason);
    for (const request of Array.from(this.#requests.values())) request.deny(error);
    this.#requests.clear();
    this.#unsaid.clear();
  }

  /** What cannot be cancelled now is when the lease is renewed; until then the broker may still grant it. */
  #cancel(requestId: string, cancel: Cancel = {}): void {
    const { resources = [], said } = cancel;
    this.#unsaid.delete(requestId);
    // Whoever asked again has its grant: it is wanted after all.
    if (resources.some((resource) => this.#grants.inUse(resource))) return;
    this.#connection.call('lock:cancel', { requestId }).then(said, (error: unknown) => {
      if (mayRepeat(error) && this.#unsaid.size < MAX_REQUESTS) this.#unsaid.set(requestId, cancel);
    });
  }

  #publish(): void {
    const waiting = [...this.#requests.values()].flatMap((request) => request.view ?? []);
    const { views, gone } = this.#grants;
    this.#ports.changed({ locks: views, waiting, lost: gone });
  }
}

function only([handle]: readonly LockHandle[]): LockHandle {
  if (!handle) throw unavailable('The broker granted nothing.');
  return handle;
}
