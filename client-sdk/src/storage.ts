/** Where the SDK keeps what it needs to resume a session: the part of the DOM's `Storage` that it uses. */
export interface ResumeStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** What resumes a session. The key is a secret. */
export interface Ticket {
  readonly sessionId: string;
  readonly key: string;
}

/** Keeps things as long as the page or process lives. */
export function memoryStorage(): ResumeStorage {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => {
      items.set(key, value);
    },
    removeItem: (key) => {
      items.delete(key);
    },
  };
}

/** The tab's own storage in browsers; memory elsewhere, and where the browser refuses it. */
export function defaultStorage(): ResumeStorage {
  const { document, sessionStorage } = readSafely();
  // Newer versions of Node have one too, but there a process is not a tab: it may well have several sessions.
  return document && sessionStorage ? sessionStorage : memoryStorage();
}

function readSafely(): { readonly document?: unknown; readonly sessionStorage?: ResumeStorage } {
  try {
    const { document, sessionStorage } = globalThis as { document?: unknown; sessionStorage?: ResumeStorage };
    return { document, ...(sessionStorage && { sessionStorage }) };
  } catch {
    return {};
  }
}

/** The ticket of one application at one broker. A storage that fails costs the resumption, nothing else. */
export class Tickets {
  readonly #storage: ResumeStorage;
  readonly #name: string;
  #ticket: Ticket | undefined;
  #foreign: boolean;

  constructor(storage: ResumeStorage, name: string) {
    this.#storage = storage;
    this.#name = name;
    this.#ticket = this.#load();
    this.#foreign = this.#ticket !== undefined;
  }

  /** It was found, and no broker has accepted it yet: perhaps it is somebody else's. */
  get foreign(): boolean {
    return this.#foreign;
  }

  get(): Ticket | undefined {
    return this.#ticket;
  }

  keep(ticket: Ticket): void {
    this.#ticket = ticket;
    this.#foreign = false;
    this.#attempt(() => {
      this.#storage.setItem(this.#name, JSON.stringify(ticket));
    });
  }

  /** It is another page's: what lies in the storage stays. */
  leave(): void {
    this.#ticket = undefined;
    this.#foreign = false;
  }

  drop(): void {
    this.leave();
    this.#attempt(() => {
      this.#storage.removeItem(this.#name);
    });
  }

  #load(): Ticket | undefined {
    return this.#attempt(() => {
      const { sessionId, key } = JSON.parse(this.#storage.getItem(this.#name) ?? '{}') as Partial<Ticket>;
      return typeof sessionId === 'string' && typeof key === 'string' ? { sessionId, key } : undefined;
    });
  }

  #attempt<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch {
      return undefined;
    }
  }
}
