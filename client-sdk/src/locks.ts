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
import type { Clock } from './clock.js';
import type { Connection } from './connection.js';
import { mayRepeat, toError, unavailable } from './errors.js';
import { Grants } from './grants.js';
import type { Handle, LockHandle, UpgradeOptions } from './handle.js';
import type { Lease } from './lease.js';
import type { Logger } from './logger.js';
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

/** What a listener of locks is told of. */
export type LockViews = Pick<Snapshot, 'locks' | 'waiting' | 'lost'>;

export interface LocksPorts {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomId: () => string;
  readonly logger: Logger;
  readonly lease: Lease;
  /** How long to wait for a connection before a lock is asked for. */
  readonly patienceMs: number;
  readonly changed: (views: LockViews) => void;
}

/** The session's locks: asking, waiting, and which ones this client may still believe in. */
export class Locks {
  readonly #ports: LocksPorts;
  readonly #connection: Connection;
  readonly #grants: Grants;
  readonly #requests = new Map<string, LockRequest>();
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
        if (!resources.some((resource) => this.#grants.inUse(resource))) this.#cancel(id);
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
    return only(await this.#ask(wish, this.#requestPorts, signal));
  }

  async #upgrade(handle: Handle, { waitMs, signal }: UpgradeOptions): Promise<void> {
    const { resource, fence } = handle;
    if (handle.state !== 'held') throw new LastcallError('not_held', `${resource} is not locked here.`);
    if (handle.mode === 'exclusive') return;
    const requestId = this.#ports.randomId();
    const request = { resource, fence, requestId, ...(waitMs !== undefined && { waitMs }) };
    this.#grants.upgrading(handle, true);
    const ports: RequestPorts = {
      ...this.#requestPorts,
      hold: (lock) => this.#grants.upgraded(handle, lock),
      // What was granted meanwhile is gone with it, the shared lock included: only the broker knows.
      cancel: ({ id }) => {
        this.#cancel(id, () => void this.#grants.doubt(resource, { reason: 'away' }));
      },
    };
    try {
      await this.#ask(wishOf(this.#connection, 'lock:upgrade', request), ports, signal);
    } catch (error) {
      // Otherwise it may have been granted all the same.
      if (error instanceof LastcallError && !mayRepeat(error)) this.#grants.upgrading(handle, false);
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
  }

  leaseChanged(): void {
    this.#grants.settle();
  }

  /** This client holds nothing and waits for nothing any more. */
  end(reason: LostReason, error: LastcallError): void {
    this.#grants.loseAll(reason);
    for (const request of Array.from(this.#requests.values())) request.deny(error);
    this.#requests.clear();
  }

  /** What cannot be cancelled now is found, and cancelled, at the next welcome. */
  #cancel(requestId: string, then: () => void = () => undefined): void {
    this.#connection.call('lock:cancel', { requestId }).then(then, () => undefined);
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
