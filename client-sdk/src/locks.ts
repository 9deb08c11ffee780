import {
  type AcquireRequest,
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
import { toError, unavailable } from './errors.js';
import { Grants } from './grants.js';
import type { LockHandle } from './handle.js';
import type { Lease } from './lease.js';
import type { Logger } from './logger.js';
import { LockRequest, type RequestPorts } from './request.js';
import type { LockView, LostReason, WaitingView } from './snapshot.js';
import { oneLine } from './text.js';

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

export interface LocksPorts {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly random: () => number;
  readonly randomId: () => string;
  readonly logger: Logger;
  readonly lease: Lease;
  /** How long to wait for a connection before a lock is asked for. */
  readonly patienceMs: number;
  readonly changed: (views: { locks: readonly LockView[]; waiting: readonly WaitingView[] }) => void;
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
      asked: (resource) =>
        [...this.#requests.values()].some((ask) => ask.asking && ask.resource === resource),
    });
    this.#requestPorts = {
      clock,
      random,
      changed,
      ready: async (resource) => {
        await connection.ready(ports.patienceMs);
        await this.#grants.released(resource);
      },
      send: (payload, late) => connection.call('lock:acquire', payload, { late }),
      hold: (lock) => this.#grants.hold(lock),
      unwanted: (lock) => {
        this.#grants.unwanted(lock);
      },
      cancel: ({ id, resource }) => {
        if (!this.#grants.inUse(resource)) this.#cancel(id);
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
    signal?.throwIfAborted();
    if (!RESOURCE_PATTERN.test(resource))
      throw new LastcallError('invalid', `"${resource}" is not a resource.`);
    if (!this.#connection.running) throw unavailable('This client is not connected.');
    if (this.#requests.size >= MAX_REQUESTS)
      throw new LastcallError('lock_limit', 'Too many locks are asked for at once.');
    const payload: AcquireRequest = {
      resource,
      requestId: this.#ports.randomId(),
      ...(mode && { mode }),
      ...(scope && { scope }),
      ...(waitMs !== undefined && { waitMs }),
      ...(note && { note: oneLine(note, MAX_NOTE_LENGTH) }),
    };
    const request = new LockRequest(payload, this.#requestPorts, signal);
    this.#requests.set(request.id, request);
    void request.ask();
    return request.handle;
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
    if (request) request.grant(lock);
    else this.#grants.unwanted(lock);
  }

  denied({ requestId, error }: ServerPushes['lock:denied']): void {
    this.#requests.get(requestId)?.deny(toError(error));
  }

  lost(push: ServerPushes['lock:lost']): void {
    this.#grants.lost(push);
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
  #cancel(requestId: string): void {
    this.#connection.call('lock:cancel', { requestId }).catch(() => undefined);
  }

  #publish(): void {
    const waiting = [...this.#requests.values()].flatMap((request) => request.view ?? []);
    this.#ports.changed({ locks: this.#grants.views, waiting });
  }
}
