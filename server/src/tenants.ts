import type { Page } from '@lastcall/shared';
import type { Store } from './redis/store.js';

/** The tenants that ever had a session, an order or settings. */
export class Tenants {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** A page by name; the cursor is the last name seen. */
  async list(page: { limit: number; cursor?: string }): Promise<Page<{ id: string }>> {
    const names = (await this.#store.tenants()).toSorted();
    const after = page.cursor === undefined ? names : names.filter((name) => name > (page.cursor as string));
    const items = after.slice(0, page.limit).map((id) => ({ id }));
    const last = items.at(-1);
    return last && after.length > items.length ? { items, next: last.id } : { items };
  }
}
