import { Alarm, type Clock } from './clock.js';
import { guarded, type Logger } from './logger.js';

/**
 * Why the work is to be saved: the person or the application asked; a logoff comes near; a record is about to pass to
 * somebody else; or the session is over and this is the last chance, with the locks already lost.
 */
export type SaveCause = 'asked' | 'deadline' | 'takeover' | 'logoff';

export interface SaveContext {
  /** Aborts when the time is over; what is saved after that counts as not saved. */
  readonly signal: AbortSignal;
  /** Milliseconds to save in, when the handler was called. */
  readonly deadlineMs: number;
  readonly cause: SaveCause;
}

/** Saves one editor's work. Throwing, or taking too long, says that it is not saved. */
export type SaveHandler = (context: SaveContext) => unknown;

export interface SaveOptions {
  /** Whether there is anything to save; without it `setDirty` decides. */
  readonly isDirty?: () => boolean;
  /** What this editor writes: when another record is taken over, its work is none of that. */
  readonly resource?: string;
}

export interface SaveResult {
  readonly saved: boolean;
  /** How many handlers ran. */
  readonly ran: number;
  /** Why the work is not saved, one line per handler that failed. */
  readonly failures: readonly string[];
}

/** How long a save counts for a logoff that follows on it, in milliseconds. */
const FRESH_MS = 5_000;

interface Entry extends SaveOptions {
  readonly handler: SaveHandler;
  /** Its save that is under way, which ends with its time at the latest. */
  running?: Promise<string | undefined> | undefined;
}

/** Knows whether there is unsaved work, and saves it: all handlers at once, within a time, each one once at a time. */
export class Saving {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #changed: (running: boolean) => void;
  readonly #entries = new Set<Entry>();
  #dirty: boolean | undefined;
  readonly #runs = new Map<string, Promise<SaveResult>>();
  #running = 0;
  #savedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, logger: Logger, changed: (running: boolean) => void) {
    this.#clock = clock;
    this.#logger = logger;
    this.#changed = changed;
  }

  add(handler: SaveHandler, options: SaveOptions): () => void {
    const entry: Entry = { ...options, handler };
    this.#entries.add(entry);
    return () => {
      this.#entries.delete(entry);
    };
  }

  setDirty(dirty: boolean): void {
    this.#dirty = dirty;
  }

  /** Whether there is unsaved work, as far as anybody said. */
  get dirty(): boolean | undefined {
    const tracked = [...this.#entries].filter((entry) => entry.isDirty);
    if (tracked.length === 0) return this.#dirty;
    return this.#dirty === true || tracked.some((entry) => this.#needs(entry));
  }

  /** Whether a save, of everything or of one resource, would run any handler. */
  isDue(resource = ''): boolean {
    return [...this.#entries].some((entry) => concerns(entry, resource) && this.#needs(entry));
  }

  /** Saves what is unsaved, of one resource alone if it is named. A run that is under way is joined. Never rejects. */
  run(cause: SaveCause, deadlineMs: number, resource = ''): Promise<SaveResult> {
    const run =
      this.#runs.get(resource) ??
      this.#start(cause, deadlineMs, resource).finally(() => {
        this.#runs.delete(resource);
      });
    this.#runs.set(resource, run);
    return run;
  }

  async #start(cause: SaveCause, deadlineMs: number, resource: string): Promise<SaveResult> {
    // A logoff that follows on a save needs no second one; who tracks unsaved work is asked all the same.
    const isFresh = cause === 'logoff' && this.#clock.now() - this.#savedAt < FRESH_MS;
    const wanted = (entry: Entry): boolean => (isFresh && !this.#tracks(entry) ? false : this.#needs(entry));
    const entries = [...this.#entries].filter((entry) => concerns(entry, resource) && wanted(entry));
    if (entries.length === 0) return { saved: true, ran: 0, failures: [] };
    const over = new AbortController();
    const alarm = new Alarm(this.#clock, () => {
      over.abort();
    });
    alarm.after(deadlineMs);
    this.#running += 1;
    this.#changed(true);
    const context = { signal: over.signal, deadlineMs, cause };
    const results = await Promise.all(entries.map((entry) => this.#save(entry, context)));
    alarm.clear();
    this.#running -= 1;
    this.#changed(this.#running > 0);
    const failures = results.filter((failure) => failure !== undefined);
    if (failures.length === 0 && resource === '') this.#savedAt = this.#clock.now();
    return { saved: failures.length === 0, ran: entries.length, failures };
  }

  /** Why it failed, or nothing. A handler that hangs is left behind when the time is over. */
  #save(entry: Entry, context: SaveContext): Promise<string | undefined> {
    const over = new Promise<string>((resolve) => {
      context.signal.addEventListener('abort', () => {
        resolve('A save handler ran out of time.');
      });
    });
    entry.running ??= Promise.race([over, this.#attempt(entry, context)]).finally(() => {
      entry.running = undefined;
    });
    return Promise.race([over, entry.running]);
  }

  async #attempt(entry: Entry, context: SaveContext): Promise<string | undefined> {
    try {
      await entry.handler(context);
      return undefined;
    } catch (error) {
      this.#logger.warn('A save handler failed', error);
      return error instanceof Error ? error.message : 'A save handler failed.';
    }
  }

  /** Whether anybody says if this editor has unsaved work. */
  #tracks(entry: Entry): boolean {
    return entry.isDirty !== undefined || this.#dirty !== undefined;
  }

  #needs(entry: Entry): boolean {
    if (!entry.isDirty) return this.#dirty ?? true;
    let dirty = true;
    guarded(this.#logger, 'isDirty', () => {
      dirty = entry.isDirty?.() !== false;
    });
    return dirty;
  }
}

/** Whether an editor's work is of this resource, or may be. */
function concerns({ resource: own }: Entry, resource: string): boolean {
  return resource === '' || own === undefined || own === resource || own.startsWith(`${resource}/`);
}
