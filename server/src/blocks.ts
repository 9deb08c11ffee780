import type { Actor, Block, BlockRequest, Page } from '@lastcall/shared';
import { v7 as uuid } from 'uuid';
import { listOf, type Store } from './redis/store.js';

const READ_PAGE = 200;

/** What is told of a block; orders note more in it. */
function blockOf(text: string): Block {
  const { orders: _orders, ...block } = JSON.parse(text) as Block & { orders?: object };
  return block;
}

/** Who may not open a session, or not with a token of before. */
export class Blocks {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Keeps a person out, also where their tokens are still good. Their live sessions go on: an order ends those.
   * @throws LastcallError `rate_limited` when there are too many blocks
   */
  async set(tenant: string, request: BlockRequest, by: Actor): Promise<{ id: string }> {
    await this.#store.addTenant(tenant);
    const args = [JSON.stringify({ id: uuid(), ...request }), JSON.stringify(by)];
    const { id } = await this.#store.run<{ id: string }>('block_set', tenant, args);
    await this.#store.persisted();
    return { id };
  }

  /** Lets a person in again, as far as this block is concerned. @throws LastcallError `not_found` */
  async lift(tenant: string, id: string, by: Actor): Promise<void> {
    await this.#store.run('block_lift', tenant, [id, JSON.stringify(by)]);
    await this.#store.persisted();
  }

  /** A page of blocks, newest first; those of one person come all at once. */
  async list(
    tenant: string,
    { user = '' }: { readonly user?: string },
    page: { limit: number; cursor?: string },
  ): Promise<Page<Block>> {
    const items: Block[] = [];
    let cursor: string | undefined = page.cursor ?? '+inf';
    while (cursor !== undefined && items.length < page.limit) {
      const size = Math.min(READ_PAGE, page.limit - items.length);
      const answer: { items: string[]; cursor?: string } = await this.#store.run('block_list', tenant, [
        cursor,
        size,
        user,
      ]);
      items.push(...listOf(answer.items).map(blockOf));
      cursor = answer.cursor;
    }
    items.sort((a, b) => b.createdAt - a.createdAt);
    return cursor === undefined ? { items } : { items, next: cursor };
  }
}
