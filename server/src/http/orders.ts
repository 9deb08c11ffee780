import type { Handlers } from './call.js';
import { given, toWirePage } from './page.js';

type OrderRoute = 'orders.list' | 'orders.create' | 'orders.get' | 'orders.receipts' | 'orders.cancel';

export const ORDER_HANDLERS: Handlers<OrderRoute> = {
  async 'orders.list'({ core, params, query: { limit, cursor, ...filter } }) {
    const page = await core.orders.list(params.tenant, given(filter), given({ limit, cursor }));
    return { status: 200, body: toWirePage(page) };
  },

  async 'orders.create'({ core, identity, params, body, once }) {
    if (body.dryRun === true) {
      const preview = await core.orders.preview(identity, params.tenant, body);
      return { status: 200, body: { ...preview, items: [...preview.items] } };
    }
    return await once(async () => {
      const order = await core.orders.create(identity, params.tenant, body);
      return { status: 201, body: order, headers: { Location: `orders/${order.id}` } };
    });
  },

  async 'orders.get'({ core, params }) {
    return { status: 200, body: await core.orders.get(params.tenant, params.id) };
  },

  async 'orders.receipts'({ core, params, query: { limit, cursor } }) {
    const page = await core.orders.receipts(params.tenant, params.id, given({ limit, cursor }));
    return { status: 200, body: toWirePage(page) };
  },

  async 'orders.cancel'({ core, identity, params }) {
    return { status: 200, body: await core.orders.cancel(identity, params.tenant, params.id) };
  },
};
