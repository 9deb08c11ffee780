import type {
  AuditRecord,
  AuditVerdict,
  Block,
  BlockRequest,
  LockEntry,
  Maintenance,
  MaintenanceRequest,
  Order,
  OrderRequest,
  Page,
  Policy,
  PolicySettings,
  Receipt,
  Review,
  Session,
  UserRef,
} from '@lastcall/shared';
import { LastcallError, MAX_PAGE } from '@lastcall/shared';
import { ROUTES, type RouteId, type SessionDetail } from '../schema/routes.js';
import { type ApiRequest, Http, type Query } from './http.js';

export interface ApiOptions {
  /** The broker: `https://broker.example`. */
  readonly url: string;
  readonly token: string;
  readonly tenant: string;
  /** How long an answer may take, in milliseconds. Default: 10 000. */
  readonly timeoutMs?: number;
}

/** Whom an order would hit; `items` are the first of them. */
export interface OrderPreview {
  readonly dryRun: true;
  readonly total: number;
  readonly items: readonly Session[];
  readonly spared?: UserRef;
}

/** What each call answers. */
interface Answers {
  readonly 'sessions.list': Page<Session>;
  readonly 'sessions.get': SessionDetail;
  readonly 'orders.list': Page<Order>;
  readonly 'orders.create': Order | OrderPreview;
  readonly 'orders.get': Order;
  readonly 'orders.receipts': Page<Receipt>;
  readonly 'orders.cancel': Order;
  readonly 'maintenance.get': Maintenance;
  readonly 'maintenance.set': Maintenance;
  readonly 'maintenance.lift': { readonly lifted: true; readonly order?: Order };
  readonly 'blocks.list': Page<Block>;
  readonly 'blocks.set': { readonly id: string };
  readonly 'blocks.lift': { readonly lifted: true };
  readonly 'locks.list': Page<LockEntry>;
  readonly 'locks.break': { readonly broken: boolean };
  readonly 'audit.list': Page<AuditRecord>;
  readonly 'audit.verify': AuditVerdict;
  readonly 'policy.get': Policy;
  readonly 'policy.set': Policy;
  readonly 'review.get': Review;
}
type Route = keyof Answers & RouteId;

/** A large archive takes its time to be read, in milliseconds. */
const VERIFY_LIMIT_MS = 3_600_000;

/** Pages of the audit trail may be empty and still have a next one. */
const MAX_PAGES = 1_000;

/**
 * The calls of the HTTP API (PROTOCOL section 5), for one tenant.
 *
 * Every method throws a `LastcallError` for what the broker refuses and an `UnreachableError` when it cannot be asked.
 *
 * @example const { items } = await new Api({ url, token, tenant: 'acme' }).sessions({ state: 'idle' }, 100);
 */
export class Api {
  readonly tenant: string;
  readonly #http: Http;

  constructor({ tenant, ...options }: ApiOptions) {
    this.tenant = tenant;
    this.#http = new Http(options);
  }

  /** Live sessions, at most `limit`. */
  sessions(filter: Query, limit: number, signal?: AbortSignal): Promise<Page<Session>> {
    return pages(limit, (query) => this.#call('sessions.list', { query: { ...filter, ...query }, signal }));
  }

  session(id: string): Promise<SessionDetail> {
    return this.#call('sessions.get', { params: { id } });
  }

  /** Gives an order; once, although the request may have to be sent twice. */
  async createOrder(request: OrderRequest): Promise<Order> {
    return (await this.#call('orders.create', { body: request })) as Order;
  }

  /** Whom an order would hit. Nothing is done. */
  async previewOrder(request: OrderRequest): Promise<OrderPreview> {
    return (await this.#call('orders.create', { body: { ...request, dryRun: true } })) as OrderPreview;
  }

  /** Orders, newest first. */
  orders(filter: Query, limit: number, signal?: AbortSignal): Promise<Page<Order>> {
    return pages(limit, (query) => this.#call('orders.list', { query: { ...filter, ...query }, signal }));
  }

  order(id: string, signal?: AbortSignal): Promise<Order> {
    return this.#call('orders.get', { params: { id }, signal });
  }

  /** Calls an order off, unless it is closing. */
  cancelOrder(id: string): Promise<Order> {
    return this.#call('orders.cancel', { params: { id } });
  }

  receipts(orderId: string, limit: number): Promise<Page<Receipt>> {
    return pages(limit, (query) => this.#call('orders.receipts', { params: { id: orderId }, query }));
  }

  locks(filter: Query, limit: number, signal?: AbortSignal): Promise<Page<LockEntry>> {
    return pages(limit, (query) => this.#call('locks.list', { query: { ...filter, ...query }, signal }));
  }

  /** The maintenance window, if there is one. */
  async maintenance(signal?: AbortSignal): Promise<Maintenance | null> {
    try {
      return await this.#call('maintenance.get', { signal });
    } catch (error) {
      if (error instanceof LastcallError && error.code === 'not_found') return null;
      throw error;
    }
  }

  /** Plans a maintenance window, or changes the one there is. */
  setMaintenance(request: MaintenanceRequest): Promise<Maintenance> {
    return this.#call('maintenance.set', { body: request });
  }

  /** Lifts the window; `order` is its order as it is then. */
  liftMaintenance(): Promise<Answers['maintenance.lift']> {
    return this.#call('maintenance.lift', {});
  }

  /** Blocks, newest first. */
  blocks(filter: Query, limit: number, signal?: AbortSignal): Promise<Page<Block>> {
    return pages(limit, (query) => this.#call('blocks.list', { query: { ...filter, ...query }, signal }));
  }

  setBlock(request: BlockRequest): Promise<{ readonly id: string }> {
    return this.#call('blocks.set', { body: request });
  }

  liftBlock(id: string): Promise<{ readonly lifted: true }> {
    return this.#call('blocks.lift', { params: { id } });
  }

  /** Takes a lock from its holder; `broken` says whether anybody held it. */
  breakLock(resource: string, reason: string): Promise<{ readonly broken: boolean }> {
    return this.#call('locks.break', { body: { resource, reason } });
  }

  /** Audit records, newest first. */
  audit(filter: Query, limit: number, signal?: AbortSignal): Promise<Page<AuditRecord>> {
    return pages(limit, (query) => this.#call('audit.list', { query: { ...filter, ...query }, signal }));
  }

  /** Audit records as a file, oldest first, piece by piece. */
  exportAudit(filter: Query, accept: string): AsyncGenerator<Uint8Array> {
    const params = { tenant: this.tenant };
    return this.#http.stream({
      route: ROUTES['audit.list'],
      params,
      query: filter,
      headers: { Accept: accept },
    });
  }

  /** Has the broker read its whole archive and check the chain. */
  verifyAudit(from?: number): Promise<AuditVerdict> {
    return this.#call('audit.verify', { query: { from }, timeoutMs: VERIFY_LIMIT_MS });
  }

  policy(): Promise<Policy> {
    return this.#call('policy.get', {});
  }

  /** Replaces all settings, unless somebody changed them after `version`. */
  setPolicy(settings: PolicySettings, version: number): Promise<Policy> {
    return this.#call('policy.set', { headers: { 'If-Match': `"${version}"` }, body: settings });
  }

  review(since: Query): Promise<Review> {
    return this.#call('review.get', { query: since });
  }

  // What the broker answers is believed: a newer one may say more than this version knows.
  async #call<R extends Route>(route: R, request: Omit<ApiRequest, 'route'>): Promise<Answers[R]> {
    const params = { tenant: this.tenant, ...request.params };
    return (await this.#http.send({ ...request, params, route: ROUTES[route] })) as Answers[R];
  }
}

/** Follows a list's pages until there are `limit` items or no more; then `next` says that there are. */
async function pages<T>(limit: number, look: (query: Query) => Promise<Page<T>>): Promise<Page<T>> {
  const items: T[] = [];
  let next: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await look({ limit: Math.min(MAX_PAGE, limit - items.length), cursor: next });
    items.push(...answer.items);
    next = answer.next;
    if (next === undefined || items.length >= limit) break;
  }
  return next === undefined ? { items } : { items, next };
}
