import {
  type Actor,
  ADMISSION_STOPS_MS,
  BYPASS_ROLES,
  LastcallError,
  type MaintenanceRequest,
  type MaintenanceState,
  type Order,
  type OrderCounts,
  REMINDER_LADDER_MS,
  type Maintenance as Window,
} from '@lastcall/shared';
import { v7 as uuid } from 'uuid';
import { countsOf, type Orders } from './orders.js';
import type { Policies } from './policy.js';
import { listOf, recordOf, type Store } from './redis/store.js';
import { refused } from './refusals.js';

type Stored = Readonly<Record<string, string>>;

/** A list as scripts store it; whoever stored it knows what is in it. */
function list(text: string | undefined): readonly unknown[] {
  return listOf(JSON.parse(text ?? '[]') as readonly unknown[] | Record<string, never>);
}

function windowOf(h: Stored, counts: OrderCounts | undefined): Window {
  const startsAt = Number(h['startsAt']);
  const admissionStopsAt = Number(h['admissionStopsAt']);
  return {
    id: h['id'] as string,
    version: Number(h['version']),
    state: h['state'] as MaintenanceState,
    action: h['action'] as Window['action'],
    message: h['message'] as string,
    startsAt,
    ...(h['untilAt'] ? { untilAt: Number(h['untilAt']) } : {}),
    admissionStopsMs: startsAt - admissionStopsAt,
    admissionStopsAt,
    ladderMs: list(h['ladderMs']) as readonly number[],
    bypassRoles: list(h['bypassRoles']) as readonly string[],
    holdMs: Number(h['holdMs']),
    by: JSON.parse(h['by'] as string) as Actor,
    createdAt: Number(h['createdAt']),
    ...(h['orderId'] ? { orderId: h['orderId'] } : {}),
    ...(counts ? { counts } : {}),
  };
}

/** The maintenance window of a tenant: everybody out by a time, nobody in until it is lifted. */
export class Maintenance {
  readonly #store: Store;
  readonly #policies: Policies;
  readonly #orders: Orders;
  readonly #kick: (tenant: string) => void;

  constructor(parts: {
    store: Store;
    policies: Policies;
    orders: Orders;
    kick: (tenant: string) => void;
  }) {
    this.#store = parts.store;
    this.#policies = parts.policies;
    this.#orders = parts.orders;
    this.#kick = parts.kick;
  }

  /** The window with the counts of its order, if there is one. */
  async find(tenant: string): Promise<Window | undefined> {
    const stored = await this.#store.maintenance(tenant);
    return stored['id'] ? await this.#withCounts(tenant, stored) : undefined;
  }

  /** @throws LastcallError `not_found` */
  async get(tenant: string): Promise<Window> {
    const window = await this.find(tenant);
    if (!window) throw refused({ code: 'not_found', reason: 'window' });
    return window;
  }

  /**
   * Plans the window, or changes the one there is: who was told of another time is told of this one.
   * @throws LastcallError `conflict` once it is closing, `invalid` for times that are over
   */
  async set(tenant: string, request: MaintenanceRequest, by: Actor): Promise<Window> {
    const { holdMs } = await this.#policies.get(tenant);
    await this.#store.addTenant(tenant);
    const ladderMs = request.ladderMs ?? REMINDER_LADDER_MS;
    const asked = {
      action: 'logoff',
      admissionStopsMs: ADMISSION_STOPS_MS,
      bypassRoles: BYPASS_ROLES,
      holdMs,
      ...request,
      ladderMs: [...new Set(ladderMs)].toSorted((a, b) => b - a),
    };
    const args = [uuid(), JSON.stringify(asked), JSON.stringify(by)];
    const { window } = await this.#store.run<{ window: string[] }>('maintenance_set', tenant, args);
    await this.#store.persisted();
    this.#kick(tenant);
    return await this.#withCounts(tenant, recordOf(window));
  }

  /**
   * Opens the doors again. Answers the window's order as it is now: one that has not begun to log off is cancelled.
   * @throws LastcallError `not_found`
   */
  async lift(tenant: string, by: Actor): Promise<Order | undefined> {
    const args = [JSON.stringify(by)];
    const { orderId } = await this.#store.run<{ orderId?: string }>('maintenance_lift', tenant, args);
    await this.#store.persisted();
    this.#kick(tenant);
    return orderId === undefined ? undefined : await this.#order(tenant, orderId);
  }

  /** An order is forgotten some time after it was done. */
  async #order(tenant: string, orderId: string): Promise<Order | undefined> {
    try {
      return await this.#orders.get(tenant, orderId);
    } catch (error) {
      if (error instanceof LastcallError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async #withCounts(tenant: string, stored: Stored): Promise<Window> {
    if (stored['counts']) return windowOf(stored, JSON.parse(stored['counts']) as OrderCounts);
    const order = stored['orderId'] ? await this.#store.order(tenant, stored['orderId']) : {};
    return windowOf(stored, order['id'] ? countsOf(order) : undefined);
  }
}
