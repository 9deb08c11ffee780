import type {
  AuditRecord,
  AuditVerdict,
  Block,
  BlockRequest,
  Lock,
  LockEntry,
  Maintenance,
  MaintenanceRequest,
  Node,
  Order,
  OrderRequest,
  OrderState,
  Page,
  Policy,
  PolicySettings,
  Problem,
  Receipt,
  Review,
  Session,
  User,
  UserRef,
} from '@lastcall/shared';
import { ApiError } from './problem.js';

/** Where the broker's own addresses begin: the page is at `console/` below it. */
export const BASE = new URL('../', document.baseURI).href;
const CALL_LIMIT_MS = 20_000;

export interface WhoAmI {
  readonly tenant: string;
  readonly user: User;
  readonly expiresAt: number;
}

/** A session with what belongs to it; an ended one comes with its receipt. */
export interface SessionDetail {
  readonly session: Session;
  readonly locks: readonly Lock[];
  readonly orders: readonly Order[];
  readonly audit: readonly AuditRecord[];
  readonly receipt?: Receipt;
}

/** Whom an order would hit; `items` are the first of them. */
export interface Preview {
  readonly total: number;
  readonly items: readonly Session[];
  readonly spared?: UserRef;
}

export interface AuditFilter {
  readonly session?: string;
  readonly user?: string;
  readonly type?: string;
  readonly from?: number;
  readonly to?: number;
}

type Query = Readonly<Record<string, string | number | undefined>>;
interface Sent {
  readonly query?: Query;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

function searchOf(query: Query): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

async function problemIn(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem>;
  const { code = 'unavailable', detail = response.statusText } = problem;
  return new ApiError(code, detail, response.status, problem.issues ?? []);
}

/** Sends a request to the broker. @throws {ApiError} what it was refused with */
export async function ask(
  method: Method,
  path: string,
  token?: string,
  { query = {}, body, headers = {}, signal }: Sent = {},
): Promise<Response> {
  const limit = AbortSignal.timeout(CALL_LIMIT_MS);
  const response = await fetch(`${BASE}${path}${searchOf(query)}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
    credentials: 'omit',
    cache: 'no-store',
  });
  if (!response.ok) throw await problemIn(response);
  return response;
}

/** The broker's calls about one tenant, as the person whose token it is. */
export class Api {
  readonly tenant: string;
  readonly #token: string;
  readonly #onSignedOut: () => void;

  constructor(tenant: string, token: string, onSignedOut: () => void) {
    this.tenant = tenant;
    this.#token = token;
    this.#onSignedOut = onSignedOut;
  }

  /** @throws {ApiError} */
  async #call<T>(method: Method, path: string, sent?: Sent): Promise<T> {
    return (await (await this.#response(method, path, sent)).json()) as T;
  }

  async #response(method: Method, path: string, sent?: Sent): Promise<Response> {
    try {
      return await ask(method, path, this.#token, sent);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.#onSignedOut();
      throw error;
    }
  }

  #in(path: string): string {
    return `v1/tenants/${encodeURIComponent(this.tenant)}/${path}`;
  }

  #by(path: string, id: string): string {
    return this.#in(`${path}/${encodeURIComponent(id)}`);
  }

  readonly sessions = (query: Query = {}, signal?: AbortSignal) =>
    this.#call<Page<Session>>('GET', this.#in('sessions'), { query, signal });
  readonly session = (id: string, signal?: AbortSignal) =>
    this.#call<SessionDetail>('GET', this.#by('sessions', id), { signal });

  readonly orders = (query: { by?: string; state?: OrderState; limit?: number; cursor?: string } = {}) =>
    this.#call<Page<Order>>('GET', this.#in('orders'), { query });
  readonly order = (id: string) => this.#call<Order>('GET', this.#by('orders', id));
  readonly receipts = (id: string, query: { limit?: number; cursor?: string } = {}) =>
    this.#call<Page<Receipt>>('GET', `${this.#by('orders', id)}/receipts`, { query });
  readonly cancelOrder = (id: string) => this.#call<Order>('DELETE', this.#by('orders', id));
  readonly previewOrder = (request: OrderRequest, signal?: AbortSignal) =>
    this.#call<Preview>('POST', this.#in('orders'), { body: { ...request, dryRun: true }, signal });
  /** `key` makes a repetition after a lost answer the same order. */
  readonly giveOrder = (request: OrderRequest, key: string) =>
    this.#call<Order>('POST', this.#in('orders'), { body: request, headers: { 'Idempotency-Key': key } });

  readonly maintenance = () => this.#call<Maintenance>('GET', this.#in('maintenance'));
  readonly setMaintenance = (body: MaintenanceRequest) =>
    this.#call<Maintenance>('PUT', this.#in('maintenance'), { body });
  readonly liftMaintenance = () =>
    this.#call<{ lifted: true; order?: Order }>('DELETE', this.#in('maintenance'));

  readonly blocks = (query: { user?: string; limit?: number; cursor?: string } = {}) =>
    this.#call<Page<Block>>('GET', this.#in('blocks'), { query });
  readonly block = (body: BlockRequest, key: string) =>
    this.#call<{ id: string }>('POST', this.#in('blocks'), { body, headers: { 'Idempotency-Key': key } });
  readonly liftBlock = (id: string) => this.#call<{ lifted: true }>('DELETE', this.#by('blocks', id));

  readonly locks = (query: Query = {}, signal?: AbortSignal) =>
    this.#call<Page<LockEntry>>('GET', this.#in('locks'), { query, signal });
  readonly breakLock = (resource: string, reason: string) =>
    this.#call<{ broken: boolean }>('POST', this.#in('locks/break'), { body: { resource, reason } });

  readonly audit = (
    filter: AuditFilter,
    page: { limit?: number; cursor?: string } = {},
    signal?: AbortSignal,
  ) => this.#call<Page<AuditRecord>>('GET', this.#in('audit'), { query: { ...filter, ...page }, signal });
  /** The export as a file; the whole of it is held in memory until it is saved. */
  readonly exportAudit = async (filter: AuditFilter, type: 'text/csv' | 'application/x-ndjson') => {
    const sent = { query: { ...filter }, headers: { Accept: type } };
    return await (await this.#response('GET', this.#in('audit'), sent)).blob();
  };
  readonly verifyAudit = (query: { from?: number } = {}) =>
    this.#call<AuditVerdict>('GET', this.#in('audit/verify'), { query });

  readonly policy = () => this.#call<Policy>('GET', this.#in('policy'));
  readonly setPolicy = (version: number, settings: PolicySettings) =>
    this.#call<Policy>('PUT', this.#in('policy'), {
      body: settings,
      headers: { 'If-Match': `"${version}"` },
    });
  readonly review = (query: { since?: number } = {}) =>
    this.#call<Review>('GET', this.#in('review'), { query });

  readonly tenants = (query: { limit?: number; cursor?: string } = {}) =>
    this.#call<Page<string>>('GET', 'v1/tenants', { query });
  readonly nodes = () => this.#call<Page<Node>>('GET', 'v1/nodes');
  /** How the broker is; it is answered when it is not well, too. */
  readonly ready = async () => {
    const response = await fetch(`${BASE}readyz`, { cache: 'no-store', credentials: 'omit' });
    return (await response.json()) as {
      ok: boolean;
      checks: { name: string; ok: boolean; detail: string }[];
    };
  };
}
