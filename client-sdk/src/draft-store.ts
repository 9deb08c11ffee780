/** Unsaved work that was put aside. */
export interface Draft {
  readonly id: string;
  readonly resource: string;
  readonly text: string;
  /** Epoch milliseconds on this device's clock. */
  readonly keptAt: number;
}

/** A draft as it lies in a store. */
export interface KeptDraft extends Draft {
  /** The page in which its editor is still open: it is nobody else's business. */
  readonly page?: string | undefined;
}

/** Where drafts lie, each under its owner; what has expired is neither kept nor given. */
export interface DraftStore {
  put(owner: string, draft: KeptDraft): Promise<void>;
  /** The oldest first. */
  list(owner: string): Promise<readonly KeptDraft[]>;
  remove(owner: string, id: string): Promise<void>;
  /** Everything of this person, and what it was sealed with. */
  forget(owner: string): Promise<void>;
}

/** Drafts of one person, and of everybody on this device; the oldest go first. */
export const MAX_DRAFTS = 256;
export const MAX_DRAFTS_OF_ALL = 1_024;

/** Drafts as long as the page lives. */
export class MemoryDrafts implements DraftStore {
  readonly #drafts = new Map<string, { readonly owner: string; readonly draft: KeptDraft }>();
  readonly #oldestAt: () => number;

  constructor(oldestAt: () => number) {
    this.#oldestAt = oldestAt;
  }

  put(owner: string, draft: KeptDraft): Promise<void> {
    this.#drafts.delete(draft.id);
    this.#drafts.set(draft.id, { owner, draft });
    for (const { id } of this.#of(owner).slice(0, -MAX_DRAFTS)) this.#drafts.delete(id);
    for (const id of [...this.#drafts.keys()].slice(0, -MAX_DRAFTS_OF_ALL)) this.#drafts.delete(id);
    return Promise.resolve();
  }

  list(owner: string): Promise<readonly KeptDraft[]> {
    for (const [id, { draft }] of this.#drafts) if (draft.keptAt < this.#oldestAt()) this.#drafts.delete(id);
    return Promise.resolve(this.#of(owner));
  }

  remove(owner: string, id: string): Promise<void> {
    if (this.#drafts.get(id)?.owner === owner) this.#drafts.delete(id);
    return Promise.resolve();
  }

  forget(owner: string): Promise<void> {
    for (const { id } of this.#of(owner)) this.#drafts.delete(id);
    return Promise.resolve();
  }

  #of(owner: string): readonly KeptDraft[] {
    return [...this.#drafts.values()].filter((kept) => kept.owner === owner).map(({ draft }) => draft);
  }
}
