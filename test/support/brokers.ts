import { createClient, type LastcallClient, type LockHandle } from '@lastcall/client';
import type {
  AuditRecord,
  Node,
  Order,
  OrderRequest,
  Policy,
  PolicySettings,
  Receipt,
} from '@lastcall/shared';
import { DEFAULT_POLICY } from '@lastcall/shared';
import { TestAdmin } from './admin.js';
import { freshTenant, TestClient } from './broker.js';
import { Cleanups } from './faults.js';
import { ApiClient } from './http.js';
import { BrokerProcess, type BrokerProcessOptions } from './process.js';
import { startProxy } from './proxy.js';
import { testStore } from './redis.js';

/** How many clients connect at the same time. */
const AT_ONCE = 50;
const PAGE = 1_000;

/** Does something for each, some at a time, in order. */
export async function inBatches<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(act))));
  }
  return results;
}

/** An application with the SDK, and the lock it holds. */
export interface Working {
  readonly client: LastcallClient;
  readonly handle: LockHandle;
  readonly sessionId: string;
}

/** Two brokers in processes of their own on one store, and a tenant that works with both. */
export class Pair {
  readonly tenant = freshTenant();
  readonly here: BrokerProcess;
  readonly there: BrokerProcess;
  readonly cleanups = new Cleanups();
  /** Where the balancer leads. */
  target: BrokerProcess;
  /** The address before both. */
  readonly url: string;

  private constructor(here: BrokerProcess, there: BrokerProcess, front: string) {
    this.here = here;
    this.there = there;
    this.target = here;
    this.url = front;
    this.cleanups.add(() => Promise.all([here.remove(), there.remove()]));
  }

  /**
   * On the store under test, or one that nobody else's brokers share. Before them stands what is at `front`, or the
   * simplest of balancers, which leads where the test has it lead. The first of them may be another in some way.
   */
  static async start(
    options: BrokerProcessOptions = {},
    front?: string,
    first: BrokerProcessOptions = {},
  ): Promise<Pair> {
    const redisUrl = options.redisUrl ?? (await testStore()).url;
    const [here, there] = await Promise.all([
      BrokerProcess.start({ ...options, redisUrl, ...first }),
      BrokerProcess.start({ ...options, redisUrl }),
    ]);
    if (front !== undefined) return new Pair(here, there, front);
    let target = (): number => here.port;
    const balancer = await startProxy(() => target());
    const pair = new Pair(here, there, `http://127.0.0.1:${balancer.port}`);
    target = () => pair.target.port;
    pair.cleanups.add(() => balancer.stop());
    return pair;
  }

  token(sub: string, roles?: readonly string[]): Promise<string> {
    return this.here.token(this.tenant, sub, roles);
  }

  async api(broker: BrokerProcess, role = 'admin'): Promise<ApiClient> {
    return new ApiClient(broker.url, await this.token('root', [role]));
  }

  /** A client by hand on one of the brokers. */
  async connect(broker: BrokerProcess, sub: string, resume?: TestClient): Promise<TestClient> {
    const token = await this.token(sub);
    const client = new TestClient(broker.url, { token, ...(resume ? { resume: resume.resume } : {}) });
    this.cleanups.add(() => client.socket.disconnect());
    await client.opened();
    return client;
  }

  /** An application by way of the balancer, with a lock. */
  async work(sub: string): Promise<Working> {
    const client = createClient({
      url: this.url,
      token: () => this.token(sub),
      logger: { warn: () => undefined },
      callTimeoutMs: 2_000,
    });
    this.cleanups.add(() => client.close());
    const { sessionId } = await client.connect();
    return { client, handle: await client.lock(`records/${sub}`), sessionId };
  }

  /** An administrator who looks on. */
  async watch(broker: BrokerProcess): Promise<TestAdmin> {
    const admin = new TestAdmin(broker.url, { token: await this.token('root', ['admin']) });
    this.cleanups.add(() => admin.socket.disconnect());
    await admin.saw('snapshot');
    return admin;
  }

  async policy(broker: BrokerProcess, changes: Partial<PolicySettings>): Promise<void> {
    const params = { tenant: this.tenant };
    const api = await this.api(broker);
    const { version } = await api.does<Policy>('policy.get', { params });
    const headers = { 'If-Match': `"${version}"` };
    await api.does<Policy>('policy.set', { params, headers, body: { ...DEFAULT_POLICY, ...changes } });
  }

  async order(broker: BrokerProcess, request: Partial<OrderRequest>): Promise<Order> {
    const body = { action: 'logoff', message: 'Good night.', reason: 'admin', holdMs: 0, ...request };
    const api = await this.api(broker);
    return await api.does<Order>('orders.create', { params: { tenant: this.tenant }, body });
  }

  async read(broker: BrokerProcess, id: string): Promise<Order> {
    const params = { tenant: this.tenant, id };
    return await (await this.api(broker)).does<Order>('orders.get', { params });
  }

  async receipts(broker: BrokerProcess, id: string): Promise<readonly Receipt[]> {
    const sent = { params: { tenant: this.tenant, id }, query: { limit: PAGE } };
    const api = await this.api(broker);
    return (await api.does<{ items: Receipt[] }>('orders.receipts', sent)).items;
  }

  /** Everything of a type that was recorded. */
  async records(broker: BrokerProcess, type: string): Promise<readonly AuditRecord[]> {
    const params = { tenant: this.tenant };
    const api = await this.api(broker);
    const records: AuditRecord[] = [];
    let cursor: string | undefined;
    do {
      const query = { type, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
      const { body } = await api.call<{ items: AuditRecord[]; next?: string }>('audit.list', {
        params,
        query,
      });
      records.push(...body.items);
      cursor = body.next;
    } while (cursor !== undefined);
    return records;
  }

  async nodes(broker: BrokerProcess): Promise<readonly Node[]> {
    const api = await this.api(broker, 'operator');
    return (await api.does<{ items: Node[] }>('nodes.list', {})).items;
  }
}

/** A test with two brokers of its own, which are cleared away whatever happens. */
export function paired(run: (pair: Pair) => Promise<void>): () => Promise<void> {
  return async () => {
    const pair = await Pair.start();
    try {
      await run(pair);
    } finally {
      await pair.cleanups.run();
    }
  };
}
