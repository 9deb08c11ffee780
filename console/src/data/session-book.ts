import type { AdminPushes, Page, Session } from '@lastcall/shared';

/** Between two pages of the round that reads every session again, in milliseconds. */
const ROUND_STEP_MS = 10_000;
/** After a page that could not be read. */
const RETRY_MS = 2_000;

type ReadPage = (cursor: string | undefined, signal: AbortSignal) => Promise<Page<Session>>;

/**
 * Every live session of a tenant: the first page from the channel, the others read at once, then what changes. The last input
 * and the last sign of life are no change of state and come by no channel, so the list is read again page by page, round
 * after round, while somebody looks.
 */
export class SessionBook {
  sessions: ReadonlyMap<string, Session> = new Map();
  isComplete = false;
  #known = 0;
  readonly #now = new Map<string, Session>();
  /** What changed while a page was on its way is newer than the page. */
  #touched = new Set<string>();
  #reading = new AbortController();
  #changed: () => void = () => undefined;
  readonly #readPage: ReadPage;

  constructor(readPage: ReadPage) {
    this.#readPage = readPage;
  }

  get total(): number {
    return this.isComplete ? this.sessions.size : Math.max(this.#known, this.sessions.size);
  }

  /** Begins anew with the first page; `changed` is called as more arrives. */
  begin({ items, total }: AdminPushes['snapshot']['sessions'], changed: () => void): void {
    this.close();
    this.#reading = new AbortController();
    this.#changed = changed;
    this.#known = total;
    this.#now.clear();
    for (const session of items) this.#now.set(session.id, session);
    this.isComplete = items.length >= total;
    this.show();
    void this.#read(this.#reading.signal);
  }

  /** Whether there was anything in it. */
  change({ upsert, remove }: AdminPushes['sessions:changed']): boolean {
    for (const session of upsert) {
      this.#now.set(session.id, session);
      this.#touched.add(session.id);
    }
    for (const id of remove) {
      this.#now.delete(id);
      this.#touched.add(id);
    }
    return upsert.length + remove.length > 0;
  }

  /** Makes what is known now what is shown. */
  show(): void {
    this.sessions = new Map(this.#now);
  }

  close(): void {
    this.#reading.abort();
  }

  async #read(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#round(signal);
      await pause(ROUND_STEP_MS, signal);
    }
  }

  /** Reads every page once; those of the first round follow each other at once. */
  async #round(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>();
    let cursor: string | undefined;
    do {
      if (this.isComplete) await lookedAt(signal);
      if (signal.aborted) return;
      const page = await this.#page(cursor, signal);
      if (!page) return;
      for (const { id } of page.items) seen.add(id);
      cursor = page.next;
      if (cursor !== undefined && this.isComplete) await pause(ROUND_STEP_MS, signal);
    } while (cursor !== undefined && !signal.aborted);
    this.isComplete = true;
    this.#changed();
  }

  async #page(cursor: string | undefined, signal: AbortSignal): Promise<Page<Session> | undefined> {
    while (!signal.aborted) {
      this.#touched = new Set();
      try {
        const page = await this.#readPage(cursor, signal);
        if (signal.aborted) return undefined;
        for (const session of page.items) {
          if (!this.#touched.has(session.id)) this.#now.set(session.id, session);
        }
        this.#changed();
        return page;
      } catch {
        // The channel goes on telling; this page is asked for again.
        await pause(RETRY_MS, signal);
      }
    }
    return undefined;
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Resolves while the page can be seen. */
function lookedAt(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || document.visibilityState === 'visible') return resolve();
    const look = (): void => {
      if (!signal.aborted && document.visibilityState !== 'visible') return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}
