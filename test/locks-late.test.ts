import { randomUUID } from 'node:crypto';
import { createClient } from '@lastcall/client';
import { expect } from 'chai';
import { type Three, take, useThree } from './support/locks.js';
import { waitUntil } from './support/wait.js';

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

  it('[L21] are told of all the same when data came back that knows of no newer socket, and given back', async () => {
    const { locks } = place.broker.core;
    const client = createClient({ url: place.broker.url, token: () => place.broker.token(tenant, 'joan') });
    try {
      const { sessionId } = await client.connect();
      for (const asker of [ada.sessionId, sessionId]) {
        const asked = { resource: `books/${asker}`, requestId: randomUUID() };
        await locks.acquire(tenant, { sessionId: asker, attach: 1, mayForce: false }, asked);
      }
      const { requestId, lock } = await ada.saw('lock:granted');
      expect({ requestId, lock }).to.nested.include({ 'lock.resource': `books/${ada.sessionId}` });
      expect(await locks.heldBy(tenant, ada.sessionId)).to.deep.equal([lock]);
      const isFree = async () => (await locks.heldBy(tenant, sessionId)).length === 0;
      await waitUntil(isFree, 'the lock that nobody wants to be given back');
      const own = await take(ada, 'books/1');
      await ada.does('lock:release', { resource: 'books/1', fence: own.fence });
      const grants = ada.pushes.filter(({ event }) => event === 'lock:granted');
      expect(grants, 'what was answered is not told again').to.have.length(1);
    } finally {
      client.close();
    }
  });
});
