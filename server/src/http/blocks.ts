import type { Handlers } from './call.js';
import { given, toWirePage } from './page.js';

export const BLOCK_HANDLERS: Handlers<'blocks.list' | 'blocks.set' | 'blocks.lift'> = {
  async 'blocks.list'({ core, params, query: { limit, cursor, ...filter } }) {
    const page = await core.blocks.list(params.tenant, given(filter), given({ limit, cursor }));
    return { status: 200, body: toWirePage(page) };
  },

  async 'blocks.set'({ core, actor, params, body, once }) {
    return await once(async () => {
      const { id } = await core.blocks.set(params.tenant, body, actor);
      return { status: 201, body: { id }, headers: { Location: `blocks/${id}` } };
    });
  },

  async 'blocks.lift'({ core, actor, params }) {
    await core.blocks.lift(params.tenant, params.id, actor);
    return { status: 200, body: { lifted: true } };
  },
};
