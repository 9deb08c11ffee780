import type { Order, OrderRequest } from '@lastcall/shared';
import { freshTenant, TestBroker, type TestClient } from './broker.js';
import { ApiClient, type Sent } from './http.js';
import { waitUntil } from './wait.js';

/** An id that nothing has. */
export const UNKNOWN = '01970000-0000-7000-8000-000000000001';

/** An order that logs everybody off at once, unless told otherwise. */
export function logoff(more: Partial<OrderRequest> = {}): OrderRequest {
  return {
    action: 'logoff',
    target: { all: true },
    message: 'Please save your work.',
    reason: 'admin',
    graceMs: 0,
    holdMs: 0,
    ...more,
  };
}

/** Has a client lock a resource; answers the fence. */
export async function locked(holder: TestClient, resource: string): Promise<number> {
  const answer = await holder.acquire(resource);
  if (!answer.ok || answer.state !== 'granted') throw new Error(JSON.stringify(answer));
  return answer.lock.fence;
}

/** A broker for a suite; each test has a tenant of its own and its administrator, `root`. */
export class TestApi {
  broker!: TestBroker;
  tenant = '';
  admin!: ApiClient;

  /** Somebody with these roles, of this tenant or another. */
  async client(roles: readonly string[], tenant = this.tenant): Promise<ApiClient> {
    return new ApiClient(this.broker.url, await this.broker.token(tenant, 'root', roles));
  }

  /** A request about this tenant. */
  here({ id, ...sent }: Sent & { id?: string } = {}): Sent {
    return { ...sent, params: { tenant: this.tenant, ...(id === undefined ? {} : { id }) } };
  }

  /** Waits until every receipt of an order is decided. */
  async done(id: string): Promise<Order> {
    let order = await this.admin.does<Order>('orders.get', this.here({ id }));
    await waitUntil(
      async () => {
        order = await this.admin.does<Order>('orders.get', this.here({ id }));
        return order.state === 'done';
      },
      'the order to be done',
      8_000,
    );
    return order;
  }
}

/** For the top of a suite. */
export function useApi(): TestApi {
  const api = new TestApi();
  before(async () => {
    api.broker = await TestBroker.start();
  });
  after(() => api.broker.close());
  beforeEach(async () => {
    api.tenant = freshTenant();
    api.admin = await api.client(['admin']);
  });
  return api;
}
