import type { Handlers } from './call.js';
import { given, toWirePage } from './page.js';

export const REGISTRY_HANDLERS: Handlers<'nodes.list' | 'tenants.list'> = {
  async 'nodes.list'({ core }) {
    return { status: 200, body: { items: core.nodes.list() } };
  },

  async 'tenants.list'({ core, query: { limit, cursor } }) {
    const { items, ...rest } = await core.tenants.list(given({ limit, cursor }));
    return { status: 200, body: toWirePage({ ...rest, items: items.map(({ id }) => id) }) };
  },
};
