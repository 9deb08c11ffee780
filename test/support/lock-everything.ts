import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { TestBroker, TestClient } from './broker.js';
import { take } from './locks.js';

/** Locks of a tenant in every way there is. */
export async function lockEverything(
  broker: TestBroker,
  tenant: string,
  [ada, grace, alan]: TestClient[],
): Promise<void> {
  if (!ada || !grace || !alan) throw new Error('three are needed');
  const { fence } = await take(ada, 'invoices/1');
  const requestId = randomUUID();
  await grace.acquire('invoices/1', 60_000, requestId);
  await alan.acquire('invoices/1', 60_000);
  await grace.does('lock:cancel', { requestId });
  await alan.saw('lock:position');
  await ada.does('lock:query', { resource: 'invoices/1' });
  await ada.does('lock:check', { resource: 'invoices/1', fence });
  await ada.does('lock:release', { resource: 'invoices/1', fence });
  await alan.saw('lock:granted');
  await broker.core.locks.heldBy(tenant, alan.sessionId);
  await broker.core.locks.break(tenant, 'invoices/1', 'left open', {
    kind: 'admin',
    id: 'root',
    name: 'Root',
  });
  await take(grace, 'invoices/~other:2@home');
  await ada.acquire('invoices/~other:2@home', 50);
  await ada.saw('lock:denied', ({ error }) => error.code === 'locked');
  await lockTogether(broker, tenant, [ada, grace, alan]);
}

/** Locks of several at once: shared, upgraded, taken over, of whole trees. */
async function lockTogether(
  broker: TestBroker,
  tenant: string,
  [ada, grace, alan]: [TestClient, TestClient, TestClient],
): Promise<void> {
  const shared = { resource: 'books/1', mode: 'shared' } as const;
  const { locks } = await ada.does('lock:acquireMany', { resources: [shared], requestId: randomUUID() });
  await grace.does('lock:acquire', { ...shared, requestId: randomUUID() });
  await alan.does('lock:watch', { prefix: 'books' });
  const upgrade = { resource: 'books/1', fence: locks[0]?.fence ?? 0, waitMs: 60_000 };
  await ada.does('lock:upgrade', { ...upgrade, requestId: randomUUID() });
  await alan.does('lock:acquire', {
    resource: 'books',
    scope: 'tree',
    waitMs: 60_000,
    requestId: randomUUID(),
  });
  const requestId = randomUUID();
  await alan.does('lock:takeover', { resource: 'books/1', requestId });
  for (const holder of [ada, grace]) await holder.does('lock:answer', { requestId, answer: 'yield' });
  const { lock } = await alan.saw('lock:granted', (push) => push.requestId === requestId);
  await alan.saw('lock:changed');
  await alan.does('lock:release', { resource: 'books/1', fence: lock.fence });
  const tree = await alan.saw('lock:granted', (push) => push.lock.resource === 'books');
  await alan.does('lock:release', { resource: 'books', fence: tree.lock.fence });
  expect(await broker.core.locks.count(tenant)).to.be.greaterThan(0);
}
