import { type DraftStore, type KeptDraft, MAX_DRAFTS, MAX_DRAFTS_OF_ALL } from './draft-store.js';

const NAME = 'lastcall-drafts';
const ALGORITHM = 'AES-GCM';

interface Sealed {
  readonly id: string;
  readonly owner: string;
  readonly keptAt: number;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly sealed: ArrayBuffer;
}

/**
 * Drafts on the device, sealed. Each person has a key of their own, which the browser keeps and gives to nobody, this
 * page included: what lies in the database is of no use without it.
 */
export class DeviceDrafts implements DraftStore {
  readonly #oldestAt: () => number;
  #opening: Promise<IDBDatabase> | undefined;

  constructor(oldestAt: () => number) {
    this.#oldestAt = oldestAt;
  }

  async put(owner: string, draft: KeptDraft): Promise<void> {
    const { id, keptAt } = draft;
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const text = new TextEncoder().encode(JSON.stringify(draft));
    const sealed = await crypto.subtle.encrypt(about(owner, iv), await this.#key(owner), text);
    const drafts = await this.#store('drafts');
    const over = committed(drafts.transaction);
    drafts.put({ id, owner, keptAt, iv, sealed } satisfies Sealed);
    const byAge = drafts.index('keptAt');
    const [expired, own, all] = await Promise.all([
      answer(byAge.getAllKeys(IDBKeyRange.upperBound(this.#oldestAt(), true), MAX_DRAFTS_OF_ALL)),
      answer(drafts.index('owner').getAllKeys(allOf(owner))),
      answer(byAge.getAllKeys()),
    ]);
    for (const key of [...expired, ...own.slice(0, -MAX_DRAFTS), ...all.slice(0, -MAX_DRAFTS_OF_ALL)])
      drafts.delete(key);
    await over;
  }

  async list(owner: string): Promise<readonly KeptDraft[]> {
    const index = (await this.#store('drafts')).index('owner');
    const range = IDBKeyRange.bound([owner, this.#oldestAt()], [owner, []]);
    const found: readonly Sealed[] = await answer<Sealed[]>(index.getAll(range, MAX_DRAFTS));
    if (found.length === 0) return [];
    const key = await this.#key(owner);
    const drafts = await Promise.all(found.map((sealed) => opened(sealed, key)));
    return drafts.filter((draft) => draft !== undefined);
  }

  async remove(owner: string, id: string): Promise<void> {
    const drafts = await this.#store('drafts');
    const over = committed(drafts.transaction);
    const found: Sealed | undefined = await answer<Sealed | undefined>(drafts.get(id));
    if (found?.owner === owner) drafts.delete(id);
    await over;
  }

  async forget(owner: string): Promise<void> {
    const drafts = await this.#store('drafts');
    const over = committed(drafts.transaction);
    for (const key of await answer(drafts.index('owner').getAllKeys(allOf(owner)))) drafts.delete(key);
    await over;
    const keys = await this.#store('keys');
    keys.delete(owner);
    await committed(keys.transaction);
  }

  /** The person's key; of two tabs that make one at the same time the first one counts. */
  async #key(owner: string): Promise<CryptoKey> {
    const known = await this.#knownKey(owner);
    if (known) return known;
    const made = await crypto.subtle.generateKey({ name: ALGORITHM, length: 256 }, false, [
      'encrypt',
      'decrypt',
    ]);
    const keys = await this.#store('keys');
    const over = committed(keys.transaction);
    const first: CryptoKey | undefined = await answer<CryptoKey | undefined>(keys.get(owner));
    if (!first) keys.put(made, owner);
    await over;
    return first ?? made;
  }

  async #knownKey(owner: string): Promise<CryptoKey | undefined> {
    return answer<CryptoKey | undefined>((await this.#store('keys')).get(owner));
  }

  /** A database that could not be opened is tried again: a private window may be refused at first. */
  async #store(name: 'drafts' | 'keys'): Promise<IDBObjectStore> {
    const closed = (): void => {
      this.#opening = undefined;
    };
    this.#opening ??= openDatabase(closed).catch((error: unknown) => {
      closed();
      throw error;
    });
    return (await this.#opening).transaction(name, 'readwrite').objectStore(name);
  }
}

const allOf = (owner: string): IDBKeyRange => IDBKeyRange.bound([owner], [owner, []]);

const about = (owner: string, iv: Uint8Array<ArrayBuffer>): AesGcmParams => ({
  name: ALGORITHM,
  iv,
  additionalData: new TextEncoder().encode(owner),
});

/** Nothing for what cannot be read: it is another key's, or was changed. */
async function opened({ owner, iv, sealed }: Sealed, key: CryptoKey): Promise<KeptDraft | undefined> {
  try {
    const text = await crypto.subtle.decrypt(about(owner, iv), key, sealed);
    return JSON.parse(new TextDecoder().decode(text)) as KeptDraft;
  } catch {
    return undefined;
  }
}

async function openDatabase(closed: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.addEventListener('upgradeneeded', () => {
    const drafts = request.result.createObjectStore('drafts', { keyPath: 'id' });
    drafts.createIndex('owner', ['owner', 'keptAt']);
    drafts.createIndex('keptAt', 'keptAt');
    request.result.createObjectStore('keys');
  });
  const database = await answer(request);
  // The person may delete what a site keeps while its pages are open.
  database.addEventListener('close', closed);
  return database;
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => {
      resolve(request.result);
    });
    request.addEventListener('error', () => {
      reject(request.error ?? new Error('The device does not answer.'));
    });
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener('complete', () => {
      resolve();
    });
    transaction.addEventListener('abort', () => {
      reject(transaction.error ?? new Error('The device did not keep the draft.'));
    });
  });
}
