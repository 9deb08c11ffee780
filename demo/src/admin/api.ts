import type { Order, OrderRequest, Page, Receipt, Session } from '@lastcall/shared';
import { ADMINISTRATOR, TENANT } from '../people.js';
import { fetchToken } from '../token.js';

const BASE = `/v1/tenants/${TENANT}`;
const TIMEOUT_MS = 5_000;

/** The calls of the HTTP API that an administrator's page needs. */
export class AdminApi {
  #token: Promise<string> | undefined;

  async sessions(): Promise<readonly Session[]> {
    return ((await this.#call('GET', '/sessions')) as Page<Session>).items;
  }

  async give(request: OrderRequest): Promise<Order> {
    return (await this.#call('POST', '/orders', request)) as Order;
  }

  async order(id: string): Promise<Order> {
    return (await this.#call('GET', `/orders/${id}`)) as Order;
  }

  async receipts(id: string): Promise<readonly Receipt[]> {
    return ((await this.#call('GET', `/orders/${id}/receipts`)) as Page<Receipt>).items;
  }

  async cancel(id: string): Promise<Order> {
    return (await this.#call('DELETE', `/orders/${id}`)) as Order;
  }

  /** @throws Error with what the broker says; a token that has expired is fetched anew, once. */
  async #call(method: string, path: string, body?: object, again = true): Promise<unknown> {
    this.#token ??= fetchToken(ADMINISTRATOR, ['admin']);
    const token = await this.#token.catch((error: unknown) => {
      this.#token = undefined;
      throw error;
    });
    const response = await fetch(BASE + path, {
      method,
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body && { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() }),
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 401 && again) {
      this.#token = undefined;
      return this.#call(method, path, body, false);
    }
    const answer = (await response.json()) as { readonly detail?: string };
    if (!response.ok) throw new Error(answer.detail ?? `The broker answered with status ${response.status}.`);
    return answer;
  }
}
