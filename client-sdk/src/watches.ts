import { LastcallError, type LockEntry, RESOURCE_PREFIX_PATTERN } from '@lastcall/shared';
import { Alarm, type Clock } from './clock.js';
import type { Connection } from './connection.js';
import { mayRepeat, toError } from './errors.js';
import { guarded, type Logger } from './logger.js';
import { isLockEntry } from './pushes.js';

/** Most prefixes that one client watches. */
const MAX_WATCHES = 32;
/** Most resources that one watch tells of; what is locked beyond them is left out. */
const MAX_ENTRIES = 10_000;
/** A watch that could not be set is tried again after this. */
const RETRY_MS = 2_000;

/** The locks under a prefix, as one immutable object; another one after each change. */
export interface LockWatch {
  /** Every resource with a holder or a waiter, by name. */
  readonly locks: readonly LockEntry[];
  /** Changes are heard of; false before the first answer and while there is no connection. */
  readonly live: boolean;
  /** More was locked than the broker tells at once: the rest is heard of when it changes. Watch a longer prefix. */
  readonly more?: true;
  /** Why the broker does not tell. */
  readonly error?: LastcallError;
}

export type LockWatcher = (watch: LockWatch) => void;

interface Watch {
  readonly prefix: string;
  readonly watchers: Set<LockWatcher>;
  entries: Map<string, LockEntry>;
  /** What was heard since the question that is under way: it is newer than the answer. */
  heard: Map<string, LockEntry> | undefined;
  more: boolean;
  told: LockWatch;
}

/** What the application watches: asked for again after each reconnection, and kept up to date in between. */
export class Watches {
  readonly #connection: Connection;
  readonly #logger: Logger;
  readonly #watches = new Map<string, Watch>();
  readonly #retry: Alarm;

  constructor(connection: Connection, clock: Clock, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
    this.#retry = new Alarm(clock, () => {
      for (const watch of this.#watches.values()) if (!watch.told.live) void this.#ask(watch);
    });
  }

  /** @throws LastcallError `invalid`, `lock_limit` */
  add(prefix: string, listener: LockWatcher): () => void {
    if (!RESOURCE_PREFIX_PATTERN.test(prefix))
      throw new LastcallError('invalid', `"${prefix}" is not the beginning of a resource.`);
    if (!this.#watches.has(prefix) && this.#watches.size >= MAX_WATCHES)
      throw new LastcallError('lock_limit', `More than ${MAX_WATCHES} prefixes are watched at once.`);
    const watch = this.#watches.get(prefix) ?? this.#begin(prefix);
    const own: LockWatcher = (told) => {
      listener(told);
    };
    watch.watchers.add(own);
    if (watch.told.live || watch.told.error) this.#call(own, watch.told);
    return () => {
      if (watch.watchers.delete(own) && watch.watchers.size === 0) this.#end(watch);
    };
  }

  /** A new connection knows nothing of watches. */
  welcome(): void {
    for (const watch of this.#watches.values()) void this.#ask(watch);
  }

  changed(entry: LockEntry): void {
    for (const watch of this.#watches.values()) {
      if (!entry.resource.startsWith(watch.prefix)) continue;
      watch.heard?.set(entry.resource, entry);
      put(watch.entries, entry);
      if (watch.told.live) this.#tell(watch, { live: true });
    }
  }

  /** There is no connection. */
  down(): void {
    this.#retry.clear();
    for (const watch of this.#watches.values()) {
      watch.heard = undefined;
      if (watch.told.live) this.#tell(watch, { live: false });
    }
  }

  #begin(prefix: string): Watch {
    const told: LockWatch = { locks: [], live: false };
    const watch: Watch = {
      prefix,
      watchers: new Set(),
      entries: new Map(),
      heard: undefined,
      more: false,
      told,
    };
    this.#watches.set(prefix, watch);
    if (this.#connection.online) void this.#ask(watch);
    return watch;
  }

  #end({ prefix }: Watch): void {
    this.#watches.delete(prefix);
    this.#connection.call('lock:unwatch', { prefix }).catch(() => undefined);
  }

  async #ask(watch: Watch): Promise<void> {
    const heard = new Map<string, LockEntry>();
    watch.heard = heard;
    try {
      const { locks, more = false } = await this.#connection.call('lock:watch', { prefix: watch.prefix });
      if (watch.heard !== heard) return;
      watch.more = more;
      watch.entries = new Map(locks.filter(isLockEntry).map((entry) => [entry.resource, entry]));
      for (const entry of heard.values()) put(watch.entries, entry);
      this.#tell(watch, { live: true });
    } catch (reason) {
      if (watch.heard !== heard) return;
      const error = toError(reason);
      if (mayRepeat(error)) this.#retry.after(error.extras.retryAfterMs ?? RETRY_MS);
      this.#tell(watch, { live: false, error });
    }
    watch.heard = undefined;
  }

  #tell(watch: Watch, state: Pick<LockWatch, 'live' | 'error'>): void {
    const locks = [...watch.entries.values()].toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
    watch.told = Object.freeze({ locks, ...state, ...(watch.more && { more: true }) });
    for (const watcher of Array.from(watch.watchers)) this.#call(watcher, watch.told);
  }

  #call(watcher: LockWatcher, told: LockWatch): void {
    guarded(this.#logger, 'A watcher of locks', () => {
      watcher(told);
    });
  }
}

function put(entries: Map<string, LockEntry>, entry: LockEntry): void {
  if (entry.holders.length + entry.waiters.length === 0) entries.delete(entry.resource);
  else if (entries.has(entry.resource) || entries.size < MAX_ENTRIES) entries.set(entry.resource, entry);
}
