import { type AuditRecord, LastcallError, type Lock, type LockEntry, type Welcome } from '@lastcall/shared';
import type { Core } from '../core.js';
import { entryOf, type StoredEntry } from '../lock-view.js';
import { askerOf, type Connection, requestKey, requestOfKey } from './connection.js';
import { tellAnew } from './lock-news.js';

/** How many prefixes one client may watch, and how many changed resources of a tenant are sent in one tick. */
const MAX_WATCHED = 32;
const PER_TICK = 200;
/** How many resources a watcher is told of at once. */
const MAX_SNAPSHOT = 200;

interface Place {
  readonly connection: Connection;
  position: number;
}

/** What the clients of one tenant here want to know of. */
interface Watched {
  readonly byPrefix: Map<string, Set<Connection>>;
  /** How many prefixes there are of each length: a resource is compared with the lengths, not with the watchers. */
  readonly lengths: Map<number, number>;
  /** Requests that wait, by resource and id. */
  readonly waiting: Map<string, Map<string, Place>>;
  readonly changed: Set<string>;
  busy: boolean;
}

/** Tells clients of changes of the locks that they watch, and of their places in queues. */
export class Watches {
  readonly #core: Core;
  readonly #tenants = new Map<string, Watched>();
  readonly #prefixes = new WeakMap<Connection, Set<string>>();

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Begins to tell of what begins with a prefix; answers what is locked or waited for there now.
   * @throws LastcallError `lock_limit`, `unavailable`
   */
  async watch(connection: Connection, prefix: string): Promise<{ locks: readonly LockEntry[]; more?: true }> {
    if (connection.closed) return { locks: [] };
    const prefixes = this.#prefixes.get(connection) ?? new Set();
    if (!prefixes.has(prefix) && prefixes.size >= MAX_WATCHED) {
      throw new LastcallError(
        'lock_limit',
        `A client watches at most ${MAX_WATCHED} prefixes. Unwatch some first.`,
      );
    }
    this.#prefixes.set(connection, prefixes.add(prefix));
    const watched = this.#of(connection.attachment.tenant);
    const known = watched.byPrefix.get(prefix);
    if (known) known.add(connection);
    else {
      watched.byPrefix.set(prefix, new Set([connection]));
      watched.lengths.set(prefix.length, (watched.lengths.get(prefix.length) ?? 0) + 1);
    }
    const page = { limit: MAX_SNAPSHOT };
    const { tenant } = connection.attachment;
    const { items, next } = await this.#core.locks.list(tenant, { prefix }, page, askerOf(connection));
    return next === undefined ? { locks: items } : { locks: items, more: true };
  }

  unwatch(connection: Connection, prefix: string): void {
    const watched = this.#tenants.get(connection.attachment.tenant);
    this.#prefixes.get(connection)?.delete(prefix);
    const watchers = watched?.byPrefix.get(prefix);
    if (!watched || !watchers?.delete(connection) || watchers.size > 0) return;
    watched.byPrefix.delete(prefix);
    const left = (watched.lengths.get(prefix.length) ?? 1) - 1;
    if (left === 0) watched.lengths.delete(prefix.length);
    else watched.lengths.set(prefix.length, left);
    this.#forgetIfUnused(connection.attachment.tenant, watched);
  }

  /** A client's places as its welcome told them. */
  begin(connection: Connection, waiting: Welcome['waiting']): void {
    for (const { resource, requestId, position } of waiting) {
      this.#wait(connection, resource, requestId, position);
    }
  }

  /** A client is gone. */
  leave(connection: Connection): void {
    for (const prefix of this.#prefixes.get(connection) ?? []) this.unwatch(connection, prefix);
    for (const [key, resource] of connection.waits) this.#leaveQueue(connection, resource, key);
  }

  /** What a record changed, and for whom here. `own`: the client whose session it is about. */
  note(tenant: string, record: AuditRecord, own: Connection | undefined): void {
    const { resource } = record;
    if (own && resource !== undefined) this.#noteWait(own, resource, record);
    const watched = this.#tenants.get(tenant);
    if (!watched) return;
    for (const name of [resource, ...leftIn(record)]) {
      if (name !== undefined && this.#isWanted(watched, name)) watched.changed.add(name);
    }
  }

  /** Called at each turn of the beat loop: whatever changed since the last one is read and sent once. */
  flush(): void {
    for (const [tenant, watched] of this.#tenants) {
      if (watched.changed.size > 0 && !watched.busy) void this.#send(tenant, watched);
    }
  }

  async #send(tenant: string, watched: Watched): Promise<void> {
    watched.busy = true;
    const taken = [...watched.changed].slice(0, PER_TICK);
    for (const resource of taken) watched.changed.delete(resource);
    try {
      while (taken.length > 0) {
        await this.#tell(tenant, watched, taken[0] as string);
        taken.shift();
      }
    } catch (error) {
      this.#core.log.debug({ err: error }, 'changed locks could not be read; they are told of later');
      for (const resource of taken) watched.changed.add(resource);
    } finally {
      watched.busy = false;
    }
  }

  async #tell(tenant: string, watched: Watched, resource: string): Promise<void> {
    const watchers = watchersOf(watched, resource);
    if (watchers.size > 0) tellWatchers(watchers, await this.#core.locks.look(tenant, resource));
    const places = watched.waiting.get(resource);
    if (!places) return;
    const order = await this.#core.locks.places(tenant, resource);
    order.forEach((requestId, i) => {
      const place = places.get(requestId);
      if (!place || place.position === i + 1) return;
      place.position = i + 1;
      place.connection.socket.emit('lock:position', {
        requestId: requestOfKey(requestId),
        resource,
        position: i + 1,
      });
    });
  }

  #noteWait(own: Connection, resource: string, { type, details = {} }: AuditRecord): void {
    const { requestId, state, position } = details;
    if (typeof requestId !== 'string') return;
    if (
      type === 'lock.requested' &&
      typeof position === 'number' &&
      (state === 'queued' || state === 'asked')
    ) {
      this.#wait(own, resource, requestId, position);
    } else if (type === 'lock.requested' || type === 'lock.granted') {
      const key = requestKey(own, requestId);
      if (own.waits.has(key)) this.#leaveQueue(own, resource, key);
    }
  }

  #wait(connection: Connection, resource: string, requestId: string, position: number): void {
    const watched = this.#of(connection.attachment.tenant);
    const places = watched.waiting.get(resource) ?? new Map<string, Place>();
    const key = requestKey(connection, requestId);
    watched.waiting.set(resource, places.set(key, { connection, position }));
    connection.waits.set(key, resource);
  }

  /** What a client still waits for was granted, and no record of it was heard. */
  grant(connection: Connection, requestId: string, lock: Lock): void {
    const key = requestKey(connection, requestId);
    if (!connection.waits.has(key)) return;
    this.#leaveQueue(connection, lock.resource, key);
    tellAnew(connection, requestId, lock);
  }

  /** Places were lost with the store's data. */
  lose(connection: Connection, waits: Iterable<readonly [string, string]> = connection.waits): void {
    for (const [key, resource] of waits) {
      if (!connection.waits.has(key)) continue;
      this.#leaveQueue(connection, resource, key);
      const message = `Your place in the line for ${resource} was lost with the store's data. Ask again.`;
      const requestId = requestOfKey(key);
      connection.socket.emit('lock:denied', { requestId, error: { code: 'unavailable', message } });
    }
  }

  #leaveQueue(connection: Connection, resource: string, key: string): void {
    connection.waits.delete(key);
    const { tenant } = connection.attachment;
    const watched = this.#tenants.get(tenant);
    const places = watched?.waiting.get(resource);
    // The session may go on over a newer socket, which has the place then.
    if (!watched || !places || places.get(key)?.connection !== connection) return;
    places.delete(key);
    if (places.size > 0) return;
    watched.waiting.delete(resource);
    this.#forgetIfUnused(tenant, watched);
  }

  #isWanted(watched: Watched, resource: string): boolean {
    if (watched.waiting.has(resource)) return true;
    for (const length of watched.lengths.keys()) {
      if (watched.byPrefix.has(resource.slice(0, length))) return true;
    }
    return false;
  }

  #of(tenant: string): Watched {
    let watched = this.#tenants.get(tenant);
    if (!watched) {
      watched = {
        byPrefix: new Map(),
        lengths: new Map(),
        waiting: new Map(),
        changed: new Set(),
        busy: false,
      };
      this.#tenants.set(tenant, watched);
    }
    return watched;
  }

  #forgetIfUnused(tenant: string, watched: Watched): void {
    if (watched.byPrefix.size === 0 && watched.waiting.size === 0) this.#tenants.delete(tenant);
  }
}

/** What a session that ended had waited for. */
export function leftIn({ details }: AuditRecord): readonly string[] {
  const left = details?.['left'];
  return Array.isArray(left) ? (left as string[]) : [];
}

function watchersOf({ byPrefix, lengths }: Watched, resource: string): ReadonlySet<Connection> {
  const watchers = new Set<Connection>();
  for (const length of lengths.keys()) {
    if (length > resource.length) continue;
    for (const connection of byPrefix.get(resource.slice(0, length)) ?? []) watchers.add(connection);
  }
  return watchers;
}

/** What may be done about a holder depends on who looks: it is worked out once for all who may do the same. */
function tellWatchers(watchers: ReadonlySet<Connection>, stored: StoredEntry): void {
  const entries = new Map<boolean, LockEntry>();
  for (const connection of watchers) {
    const asker = askerOf(connection);
    const holds = connection.locks.has(stored.resource);
    const entry = (holds ? undefined : entries.get(asker.mayForce)) ?? entryOf(stored, asker);
    if (!holds) entries.set(asker.mayForce, entry);
    connection.socket.emit('lock:changed', entry);
  }
}
