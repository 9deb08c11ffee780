import type { TestBroker } from './broker.js';
import { TestClient } from './broker.js';

const PEOPLE = [
  ['ada', 'Ada Adebayo', 'Ledger', 'invoices/2026/1042'],
  ['ben', 'Ben Ortiz', 'Ledger', 'invoices/2026/1043'],
  ['chen', 'Chén Yǔxuān', 'Stock', 'warehouse/north/shelf-12'],
  ['dora', 'Dora Lindqvist', 'Ledger', 'customers/221'],
  ['emil', 'Emil Maximilian von Hohenstein-Wartenburg', 'Stock', 'warehouse/south'],
  ['fay', 'Fay Okafor', 'Ledger', 'reports/q3'],
  ['gus', 'Gus Peeters', 'Payroll', 'salaries/2026/11'],
  ['hana', 'Hana Sato', 'Payroll', 'salaries/2026/10'],
] as const;
export type Person = (typeof PEOPLE)[number][0];

/** People at work in a tenant: with views, unsaved work, locks, and one who waits for one. */
export async function openOffice(broker: TestBroker, tenant: string): Promise<Map<Person, TestClient>> {
  const office = new Map<Person, TestClient>();
  for (const [sub, name, app, view] of PEOPLE) {
    const token = await broker.broker.token({ sub, tenant, name, roles: ['user'], expiresInMs: 3_600_000 });
    const client = new TestClient(broker.url, {
      token,
      app: { name: app, version: '4.2' },
      device: { label: `${sub}-laptop`, kind: 'desktop' },
    });
    await client.opened();
    office.set(sub, client);
    await client.heartbeat({ dirty: sub === 'ada' || sub === 'gus', view });
  }
  await office.get('ada')?.acquire('invoices/2026/1042');
  await office.get('gus')?.acquire('salaries/2026/11');
  await office.get('chen')?.acquire('warehouse/north/shelf-12');
  void office.get('ben')?.acquire('invoices/2026/1042', 60_000);
  return office;
}
