import { createClient, type LastcallClient, type LockHandle } from '@lastcall/client';
import { expect } from 'chai';
import { freshTenant, TestBroker } from './broker.js';
import { bodyOf, GuardedApp } from './guarded-app.js';
import type { GuardedTable, Row } from './guarded-table.js';
import { ClientProcess } from './process.js';
import type { Random } from './random.js';
import { waitUntil } from './wait.js';

const TAKER = 'taker';
/** Holders that are frozen at the same time, so that many cycles share the time of a lease. */
const HOLDERS = 6;
const LEASE = { beatMs: 1_000, leaseMs: 3_000 };
/** At most so long after the record passed on the late holder wakes up. */
const WAKE_MS = 40;

interface Sent {
  readonly status: number;
  readonly body: unknown;
}

/**
 * How the late write meets the next holder: it begins after the record has passed on, with a broker to ask or with the
 * fence alone; or it had passed the broker's check before, and was under way for so long.
 */
const WAYS = ['checked', 'fenced', 'under way'] as const;

/** Holders in processes of their own that are frozen past their lease, and somebody who gets the record then. */
export class GuardCycles {
  readonly #broker: TestBroker;
  readonly #tenant: string;
  readonly #table: GuardedTable;
  readonly #app: GuardedApp;
  readonly #taker: LastcallClient;
  readonly #random: Random;
  readonly #holders: ClientProcess[] = [];
  /** Writes under a grant that had passed on, and that the table took all the same. */
  staleAccepted = 0;
  cycles = 0;

  private constructor(
    broker: TestBroker,
    tenant: string,
    table: GuardedTable,
    app: GuardedApp,
    taker: LastcallClient,
    random: Random,
  ) {
    this.#broker = broker;
    this.#tenant = tenant;
    this.#table = table;
    this.#app = app;
    this.#taker = taker;
    this.#random = random;
  }

  static async start(table: GuardedTable, random: Random): Promise<GuardCycles> {
    const broker = await TestBroker.start();
    const tenant = freshTenant();
    await broker.policy(tenant, LEASE);
    const app = await GuardedApp.start(table, {
      url: broker.url,
      tenant,
      token: await broker.token(tenant, 'back-end', ['service']),
      timeoutMs: 10_000,
    });
    const taker = createClient({
      url: broker.url,
      token: await broker.token(tenant, TAKER),
      logger: { warn: () => undefined },
    });
    await taker.connect();
    return new GuardCycles(broker, tenant, table, app, taker, random);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#holders.map((holder) => holder.kill()));
    this.#taker.close();
    await this.#app.close();
    await this.#broker.close();
    await this.#table.close();
  }

  /** So many cycles, several holders at a time. */
  async run(cycles: number): Promise<void> {
    let next = 0;
    const work = async (name: string): Promise<void> => {
      const holder = await this.#holder(name);
      while (next < cycles) {
        next += 1;
        await this.#cycle(holder, name, next);
        this.cycles += 1;
      }
    };
    const count = Math.min(HOLDERS, cycles);
    await Promise.all(Array.from({ length: count }, (_, index) => work(`holder-${index}`)));
  }

  /** What happens where nobody looks at fences: the row as the taker wrote it, and what is left of that. */
  async withoutGuard(): Promise<{ readonly written: string; readonly left: string }> {
    const name = 'careless';
    const holder = await this.#holder(name);
    const id = 'blind';
    await this.#table.add(id);
    await holder.does({ verb: 'lock', resource: `invoices/${id}` });
    holder.pause();
    const lock = await this.#taker.lock(`invoices/${id}`, { waitMs: 60_000 });
    await this.#taken('POST', id, lock);
    await this.#taken('PUT', id, lock);
    const { body: written } = await this.#table.read(id);
    const late = this.#send(holder, name, 'PUT', 'blind', id);
    holder.resume();
    expect((await late).status).to.equal(200);
    const { body: left } = await this.#table.read(id);
    return { written, left };
  }

  async #holder(name: string): Promise<ClientProcess> {
    const token = await this.#broker.token(this.#tenant, name);
    const holder = await ClientProcess.start({ url: this.#broker.url, token });
    this.#holders.push(holder);
    return holder;
  }

  async #cycle(holder: ClientProcess, name: string, n: number): Promise<void> {
    const id = String(n);
    const resource = `invoices/${id}`;
    const way = WAYS[n % WAYS.length];
    await this.#table.add(id);
    await holder.does({ verb: 'lock', resource });
    expect((await this.#send(holder, name, 'POST', 'invoices', id)).status).to.equal(200);
    let late: Promise<Sent> | undefined;
    if (way === 'under way') {
      late = this.#send(holder, name, 'PUT', 'slow', id);
      await waitUntil(() => this.#app.isUnderWay(id), 'the write to pass the check');
    }
    holder.pause();
    const lock = await this.#taker.lock(resource, { waitMs: 60_000 });
    if (way === 'checked') {
      late = this.#send(holder, name, 'PUT', 'invoices', id);
      setTimeout(() => holder.resume(), this.#random.within(0, WAKE_MS));
    }
    const row = await this.#taken('POST', id, lock);
    expect((row as Row).body, `${way}: what the next holder reads`).to.equal('new');
    if (way === 'fenced') late = this.#send(holder, name, 'PUT', 'fenced', id);
    const isLast = this.#random.next() < 0.5;
    if (isLast) await this.#taken('PUT', id, lock);
    holder.resume();
    this.#app.goOn(id);
    if ((await late)?.status !== 409) this.staleAccepted += 1;
    if (!isLast) await this.#taken('PUT', id, lock);
    const left = await this.#table.read(id);
    expect(left, way).to.deep.equal({ body: bodyOf(lock.fence), fence: lock.fence });
    await lock.release();
    await waitUntil(() => holder.view.status === 'ended', 'the frozen holder to learn its end', 20_000);
    await holder.does({ verb: 'connect' });
  }

  #send(holder: ClientProcess, name: string, method: string, way: string, id: string): Promise<Sent> {
    const url = `${this.#app.url}/${way}/${id}?as=${name}`;
    return holder.does({ verb: 'send', method, url, resource: `invoices/${id}` }) as Promise<Sent>;
  }

  /** A request of whoever holds the record now. */
  async #taken(method: string, id: string, lock: LockHandle): Promise<unknown> {
    const url = `${this.#app.url}/invoices/${id}?as=${TAKER}`;
    const response = await fetch(url, { method, headers: this.#taker.headers(lock) });
    const body: unknown = await response.json();
    expect(response.status, JSON.stringify(body)).to.equal(200);
    return body;
  }
}
