import type { AuditRecord, Maintenance, MaintenanceRequest, Order } from '@lastcall/shared';
import type { Problem } from 'lastcall/internal/schema/error.js';
import { type TestApi, useApi } from './api.js';
import type { TestBroker, TestClient } from './broker.js';
import { checkHistory, historyOf } from './history.js';
import { waitUntil } from './wait.js';

export const HOUR_MS = 3_600_000;
const MESSAGE = 'Nightly update.';

/** The maintenance window of a test's own tenant, over HTTP. */
export class MaintenanceBench {
  readonly api: TestApi;

  constructor(api: TestApi) {
    this.api = api;
  }

  connect(sub: string, options: Parameters<TestApi['broker']['connect']>[2] = {}): Promise<TestClient> {
    return this.api.broker.connect(this.api.tenant, sub, options);
  }

  async plan(more: Partial<MaintenanceRequest> = {}): Promise<Maintenance> {
    const sent = this.api.here({ body: { message: MESSAGE, ...more } });
    return await this.api.admin.does<Maintenance>('maintenance.set', sent);
  }

  async refused(more: object): Promise<Problem> {
    return await this.api.admin.refused(
      'maintenance.set',
      this.api.here({ body: { message: MESSAGE, ...more } }),
    );
  }

  async look(): Promise<Maintenance> {
    return await this.api.admin.does<Maintenance>('maintenance.get', this.api.here());
  }

  find(): Promise<Maintenance | undefined> {
    return this.api.broker.core.maintenance.find(this.api.tenant);
  }

  async lift(): Promise<{ order?: Order }> {
    return await this.api.admin.does<{ order?: Order }>('maintenance.lift', this.api.here());
  }

  /** Waits for a state of the window; answers the window then. */
  async until(state: Maintenance['state'], withinMs = 12_000): Promise<Maintenance> {
    await waitUntil(async () => (await this.find())?.state === state, `the window to be ${state}`, withinMs);
    return await this.look();
  }

  async lifted(): Promise<void> {
    await waitUntil(async () => (await this.find()) === undefined, 'the window to be lifted', 12_000);
  }

  async order({ orderId = '' }: Maintenance): Promise<Order> {
    return await this.api.admin.does<Order>('orders.get', this.api.here({ id: orderId }));
  }

  records(): Promise<readonly AuditRecord[]> {
    return historyOf(this.api.broker.core, this.api.tenant);
  }

  /** What was recorded of the window, oldest first. */
  async changes(): Promise<readonly AuditRecord[]> {
    return (await this.records()).filter(({ type }) => type === 'maintenance.changed');
  }

  async states(): Promise<readonly unknown[]> {
    return (await this.changes()).map(({ details }) => details?.['state']);
  }
}

/** A whole window: planned, announced, closed when the one who is there is out, lifted. */
export async function maintainEverything(broker: TestBroker, tenant: string): Promise<void> {
  const { maintenance } = broker.core;
  const by = { kind: 'admin', id: 'root' } as const;
  const ada = await broker.connect(tenant, 'ada-again');
  await maintenance.set(tenant, { message: MESSAGE, holdMs: 0 }, by);
  await ada.saw('logoff');
  await waitUntil(
    async () => (await maintenance.get(tenant)).state === 'closed',
    'the window to be closed',
    12_000,
  );
  await maintenance.lift(tenant, by);
}

/** For the top of a suite. After each test everything that was recorded is checked [P4, A1]. */
export function useMaintenance(): MaintenanceBench {
  const api = useApi();
  afterEach(async function () {
    if (this.currentTest?.state === 'passed') await checkHistory(api.broker.core, api.tenant);
  });
  return new MaintenanceBench(api);
}
