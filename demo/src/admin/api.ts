import type {
  LockEntry,
  Maintenance,
  MaintenanceRequest,
  Order,
  OrderRequest,
  Page,
  Policy,
  PolicySettings,
  Receipt,
  Session,
} from '@lastcall/shared';
import { ADMINISTRATOR, TENANT } from '../people.js';
import { fetchToken } from '../token.js';

const BASE = `/v1/tenants/${TENANT}`;
const TIMEOUT_MS = 5_000;

interface Call {
  readonly method?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The calls of the HTTP API that an administrator's page needs. */
export class AdminApi {
  #token: Promise<string> | undefined;

  async sessions(): Promise<readonly Session[]> {
    return (await this.#call<Page<Session>>('/sessions')).items;
  }

  async locks(): Promise<readonly LockEntry[]> {
    return (await this.#call<Page<LockEntry>>('/locks')).items;
  }

  async breakLock(resource: string, reason: string): Promise<void> {
    await this.#call('/locks/break', { method: 'POST', body: { resource, reason } });
  }

  give(request: OrderRequest): Promise<Order> {
    return this.#call('/orders', { method: 'POST', body: request });
  }

  order(id: string): Promise<Order> {
    return this.#call(`/orders/${id}`);
  }

  async receipts(id: string): Promise<readonly Receipt[]> {
    return (await this.#call<Page<Receipt>>(`/orders/${id}/receipts`)).items;
  }

  async cancel(id: string): Promise<void> {
    await this.#call(`/orders/${id}`, { method: 'DELETE' });
  }

  maintenance(): Promise<Maintenance> {
    return this.#call('/maintenance');
  }

  plan(request: MaintenanceRequest): Promise<Maintenance> {
    return this.#call('/maintenance', { method: 'PUT', body: request });
  }

  async lift(): Promise<void> {
    await this.#call('/maintenance', { method: 'DELETE' });
  }

  policy(): Promise<Policy> {
    return this.#call('/policy');
  }

  /** Changes some settings of those that were read. */
  async setPolicy({ version, ...settings }: Policy, changes: Partial<PolicySettings>): Promise<void> {
    await this.#call('/policy', {
      method: 'PUT',
      body: { ...settings, ...changes },
      headers: { 'If-Match': `"${version}"` },
    });
  }

  /** @throws Error with what the broker says; a token that has expired is fetched anew, once. */
  async #call<T>(path: string, call: Call = {}, again = true): Promise<T> {
    const { method = 'GET', body, headers } = call;
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
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 401 && again) {
      this.#token = undefined;
      return this.#call(path, call, false);
    }
    const answer = (await response.json()) as { readonly detail?: string };
    if (!response.ok) throw new Error(answer.detail ?? `The broker answered with status ${response.status}.`);
    return answer as T;
  }
}
