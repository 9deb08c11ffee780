import { expect } from 'chai';
import type { TestBroker } from './broker.js';

/** Who is kept out of a tenant, and let in again. */
export async function blockEverything({ core: { blocks } }: TestBroker, tenant: string): Promise<void> {
  const root = { kind: 'admin', id: 'root' } as const;
  const { id } = await blocks.set(
    tenant,
    { user: 'eve', untilAt: Date.now() + 60_000, reason: 'Left.' },
    root,
  );
  expect(
    (await blocks.list(tenant, { user: 'eve' }, { limit: 10 })).items.map((block) => block.id),
  ).to.deep.equal([id]);
  await blocks.lift(tenant, id, root);
}
