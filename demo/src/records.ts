import { type Kind, type Lookup, partsOf } from './kinds.js';
import type { OfficeRecord, Values } from './values.js';

/** What a save says besides the values. */
export interface Write {
  readonly by: string;
  readonly fence: number;
  readonly signal?: AbortSignal;
}

/** Each record has an entry of its own, so that two windows that save different ones do not meet. */
const PREFIX = 'lastcall-demo:';
/**
 * So have the fences: a window may see another one's save a moment late, and must not write back what was there before
 * when it notes that it has the lock now.
 */
const FENCES = 'lastcall-demo-fence:';
/** How long a save takes, so that it can be watched. */
const SAVE_MS = 300;

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('There was no time left to save.'));
    });
  });
}

function stored(resource: string): OfficeRecord | undefined {
  try {
    const text = localStorage.getItem(PREFIX + resource);
    return text === null ? undefined : (JSON.parse(text) as OfficeRecord);
  } catch {
    return undefined;
  }
}

/** The highest fence that anybody was given for a record. */
const fenceOf = (resource: string): number => Number(localStorage.getItem(FENCES + resource) ?? 0);

/**
 * The company's records, shared by all windows of this browser. It stands in for the application's own database, and
 * does what that has to do with fences: refuse a write that comes with a lower one than it has seen.
 */
export class Records implements Lookup {
  readonly #listeners = new Set<() => void>();

  constructor() {
    addEventListener('storage', ({ key }) => {
      if (key === null || key.startsWith(PREFIX)) this.#tell();
    });
  }

  list(kind: Kind): readonly OfficeRecord[] {
    return Object.entries(kind.seeds).map(
      ([id, values]) => stored(`${kind.name}/${id}`) ?? { id, values, fence: 0 },
    );
  }

  get(resource: string): OfficeRecord | undefined {
    const parts = partsOf(resource);
    const values = parts?.kind.seeds[parts.id];
    return parts && values && (stored(resource) ?? { id: parts.id, values, fence: 0 });
  }

  /** A lock was granted: from now on nobody saves under an earlier one. */
  claim(resource: string, fence: number): void {
    if (fence > fenceOf(resource)) localStorage.setItem(FENCES + resource, String(fence));
  }

  /** Saves under a lock. Rejects when somebody got the lock later, or when the time is over. */
  async save(resource: string, values: Values, { by, fence, signal }: Write): Promise<OfficeRecord> {
    await pause(SAVE_MS, signal);
    const known = this.get(resource);
    if (!known) throw new Error(`There is no ${resource}.`);
    if (fence < Math.max(known.fence, fenceOf(resource)))
      throw new Error(`Somebody has locked ${resource} since.`);
    const saved: OfficeRecord = { id: known.id, values, fence, savedBy: by, savedAt: Date.now() };
    localStorage.setItem(PREFIX + resource, JSON.stringify(saved));
    this.#tell();
    return saved;
  }

  /** Tells when something was saved, in any window. Returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
