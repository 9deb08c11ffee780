import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type Three, take, useThree } from './support/locks.js';

describe('locks that are asked for late', () => {
  const place = useThree();
  let { tenant, ada } = {} as Three;

  beforeEach(async () => {
    ({ tenant, ada } = await place.begin());
  });

  it('[S3] [L5] are not given to a socket that was superseded, as a node that was frozen asks', async () => {
    const late = { sessionId: ada.sessionId, attach: 1, mayForce: false };
    const { locks } = place.broker.core;
    const newer = await place.broker.connect(tenant, 'ada', { auth: { resume: ada.resume } });
    const resource = 'books/1';
    const { fence } = await take(newer, resource);
    await newer.does('lock:release', { resource, fence });
    const asked = { resource, requestId: randomUUID() };
    const questions = [
      locks.acquire(tenant, late, { ...asked, waitMs: 1_000 }),
      locks.acquireMany(tenant, late, { resources: [{ resource }], requestId: asked.requestId }),
      locks.takeover(tenant, late, asked),
      locks.upgrade(tenant, late, { ...asked, fence }),
    ];
    for (const outcome of await Promise.allSettled(questions)) {
      expect(outcome.status === 'rejected' && outcome.reason).to.include({ code: 'superseded' });
    }
    expect(await locks.heldBy(tenant, ada.sessionId)).to.deep.equal([]);
    expect((await newer.acquire(resource)).ok).to.equal(true);
  });
});
