import { LastcallError, type OrderRequest } from '@lastcall/shared';
import type { Core } from 'lastcall/internal/core.js';
import { administrator } from '../broker.js';
import type { Random } from '../random.js';
import type { BrokerHost } from './broker-host.js';
import type { Scheduler } from './clock.js';
import type { Journal } from './history.js';

const PAUSE_MS = [1_000, 7_000] as const;
const RESOURCES = ['a', 'a/1', 'b', 'c'];

/** What an administrator asked for, and was told: `unknown` when no answer came, so that it may have happened or not. */
export interface Told {
  readonly tenant: string;
  readonly what: 'create' | 'cancel';
  readonly orderId: string;
  readonly outcome: 'ok' | 'unknown' | 'conflict' | 'not_found';
  readonly atMs: number;
}

/** @throws Error when the broker is not there */
function coreOf({ broker, host }: BrokerHost): Core {
  if (!broker) throw new Error(`${host.name} is not there`);
  return broker.core;
}

/** An administrator of a tenant, who talks to whichever broker answers. */
export class Admin {
  readonly told: Told[] = [];
  isBusy = true;
  readonly #tenant: string;
  readonly #users: readonly string[];
  readonly #scheduler: Scheduler;
  readonly #brokers: readonly BrokerHost[];
  readonly #random: Random;
  readonly #journal: Journal;
  readonly #orders: string[] = [];

  constructor(
    tenant: string,
    users: readonly string[],
    parts: { scheduler: Scheduler; brokers: readonly BrokerHost[]; random: Random; journal: Journal },
  ) {
    this.#tenant = tenant;
    this.#users = users;
    this.#scheduler = parts.scheduler;
    this.#brokers = parts.brokers;
    this.#random = parts.random;
    this.#journal = parts.journal;
  }

  begin(): void {
    this.#scheduler.after(
      this.#random.within(...PAUSE_MS),
      () => {
        if (!this.isBusy) return;
        this.#step();
        this.begin();
      },
      this.#scheduler.nobody,
    );
  }

  #step(): void {
    const chance = this.#random.next();
    const broker = this.#random.pick(this.#brokers);
    const orderId = this.#orders.length > 0 ? this.#random.pick(this.#orders) : undefined;
    const request = this.#request();
    const resource = this.#random.pick(RESOURCES);
    // The request is an event of the broker that takes it.
    this.#scheduler.after(
      0,
      () => {
        if (chance < 0.55) void this.#create(broker, request);
        else if (chance < 0.85 && orderId !== undefined) void this.#cancel(broker, orderId);
        else void this.#break(broker, resource);
      },
      broker.host,
    );
  }

  #request(): OrderRequest {
    const users = [this.#random.pick(this.#users)];
    const isForAll = this.#random.next() < 0.3;
    const isLogoff = this.#random.next() < 0.8;
    return {
      action: isLogoff ? 'logoff' : 'warn',
      target: isForAll ? { all: true } : { users },
      includeSelf: true,
      message: 'Please save your work.',
      reason: this.#random.next() < 0.05 ? 'security' : 'admin',
      graceMs: this.#random.within(0, 4_000),
      holdMs: this.#random.within(0, 3_000),
      extend: { maxCount: 2, maxTotalMs: 3_000 },
      ...(this.#random.next() < 0.3 ? { reentry: { denyMs: this.#random.within(500, 3_000) } } : {}),
    };
  }

  async #create(broker: BrokerHost, request: OrderRequest): Promise<void> {
    try {
      const { id } = await coreOf(broker).orders.create(administrator(this.#tenant), this.#tenant, request);
      this.#orders.push(id);
      this.#tell('create', id, 'ok');
    } catch {
      this.#tell('create', '', 'unknown');
    }
  }

  async #cancel(broker: BrokerHost, orderId: string): Promise<void> {
    try {
      await coreOf(broker).orders.cancel(administrator(this.#tenant), this.#tenant, orderId);
      this.#tell('cancel', orderId, 'ok');
    } catch (error) {
      const code = error instanceof LastcallError ? error.code : '';
      this.#tell('cancel', orderId, code === 'conflict' || code === 'not_found' ? code : 'unknown');
    }
  }

  async #break(broker: BrokerHost, resource: string): Promise<void> {
    const by = { kind: 'admin', id: 'root', name: 'Root' } as const;
    try {
      const broken = await coreOf(broker).locks.break(this.#tenant, resource, 'it is needed', by);
      this.#journal.note('admin', 'broke', { resource, broken });
    } catch {
      this.#journal.note('admin', 'could not break', { resource });
    }
  }

  #tell(what: Told['what'], orderId: string, outcome: Told['outcome']): void {
    this.#journal.note('admin', what, { tenant: this.#tenant, orderId, outcome });
    this.told.push({ tenant: this.#tenant, what, orderId, outcome, atMs: this.#scheduler.now });
  }
}
