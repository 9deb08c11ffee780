import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { administrator, freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { waitUntil } from './support/wait.js';

describe('locks', () => {
  let broker: TestBroker;
  let tenant: string;
  let ada: TestClient;
  let grace: TestClient;

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  beforeEach(async () => {
    tenant = freshTenant();
    [ada, grace] = await Promise.all([broker.connect(tenant, 'ada'), broker.connect(tenant, 'grace')]);
  });

  async function granted(client: TestClient, resource: string) {
    const answer = await client.does('lock:acquire', { resource, requestId: randomUUID() });
    if (answer.state !== 'granted') throw new Error('it was queued');
    return answer.lock;
  }

  async function queued(client: TestClient, resource: string, waitMs = 60_000): Promise<string> {
    const requestId = randomUUID();
    const answer = await client.does('lock:acquire', { resource, waitMs, requestId });
    expect(answer.state).to.equal('queued');
    return requestId;
  }

  it('[L1] [P2] grants a free resource at once, each time with a greater fence', async () => {
    let last = 0;
    for (let round = 0; round < 20; round += 1) {
      const lock = await granted(round % 2 === 0 ? ada : grace, 'invoices/7');
      expect(lock).to.include({ resource: 'invoices/7', mode: 'exclusive', scope: 'record' });
      expect(Number.isSafeInteger(lock.fence)).to.equal(true);
      expect(lock.fence).to.be.greaterThan(last);
      last = lock.fence;
      const holder = round % 2 === 0 ? ada : grace;
      expect(await holder.does('lock:release', { resource: 'invoices/7', fence: lock.fence })).to.include({
        released: true,
      });
    }
  });

  it('[P2] H16 grants one of many who ask at the same moment', async () => {
    const clients = await Promise.all(
      Array.from({ length: 16 }, (_, i) => broker.connect(tenant, `user-${i}`)),
    );
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(clients.map((client) => client.acquire(`hot/${round}`)));
      expect(answers.filter((answer) => answer.ok)).to.have.length(1);
    }
  });

  it('[L2] refuses a held resource and names the holder', async () => {
    await ada.heartbeat({ dirty: true });
    const lock = await granted(ada, 'invoices/7');
    const error = await grace.refused('lock:acquire', { resource: 'invoices/7', requestId: randomUUID() });
    expect(error.code).to.equal('locked');
    expect(error.message).to.include('ada by name');
    const [blocker] = error.blockers ?? [];
    expect(blocker).to.deep.include({
      resource: 'invoices/7',
      sessionId: ada.sessionId,
      user: { id: 'ada', name: 'ada by name' },
      grantedAt: lock.grantedAt,
      dirty: true,
      state: 'active',
      takeable: 'ask',
    });
  });

  it('[L3] hands over in order, and tells the next waiter', async () => {
    const third = await broker.connect(tenant, 'linus');
    const lock = await granted(ada, 'invoices/7');
    const first = await queued(grace, 'invoices/7');
    const second = await queued(third, 'invoices/7');
    const { waiters } = await ada.does('lock:query', { resource: 'invoices/7' });
    expect(waiters.map((waiter) => [waiter.requestId, waiter.position])).to.deep.equal([
      [first, 1],
      [second, 2],
    ]);
    await ada.does('lock:release', { resource: 'invoices/7', fence: lock.fence });
    const push = await grace.saw('lock:granted', ({ requestId }) => requestId === first);
    expect(push.lock.fence).to.be.greaterThan(lock.fence);
    expect(third.all('lock:granted')).to.have.length(0);
    await grace.does('lock:release', { resource: 'invoices/7', fence: push.lock.fence });
    await third.saw('lock:granted', ({ requestId }) => requestId === second);
  });

  it('[L4] tells a waiter when its time is over, and who has it', async () => {
    await granted(ada, 'invoices/7');
    const requestId = await queued(grace, 'invoices/7', 300);
    const denied = await grace.saw('lock:denied', (push) => push.requestId === requestId);
    expect(denied.error.code).to.equal('locked');
    expect(denied.error.blockers?.map(({ sessionId }) => sessionId)).to.deep.equal([ada.sessionId]);
    expect(denied.error.blockers?.[0]).to.include({ dirty: false, takeable: 'ask' });
    expect((await ada.does('lock:query', { resource: 'invoices/7' })).waiters).to.have.length(0);
  });

  it('[L4] [L5] H10 a cancelled wait is out of the queue, and its request is over', async () => {
    const lock = await granted(ada, 'invoices/7');
    const requestId = await queued(grace, 'invoices/7');
    await grace.does('lock:cancel', { requestId });
    await ada.does('lock:release', { resource: 'invoices/7', fence: lock.fence });
    expect((await ada.does('lock:query', { resource: 'invoices/7' })).holders).to.have.length(0);
    const error = await grace.refused('lock:acquire', { resource: 'invoices/7', requestId });
    expect(error).to.include({ code: 'conflict', outcome: 'cancelled' });
  });

  it('[L4] H10 a cancellation gives back what was granted meanwhile', async () => {
    const requestId = randomUUID();
    await grace.does('lock:acquire', { resource: 'invoices/7', requestId });
    await grace.does('lock:cancel', { requestId });
    expect((await ada.acquire('invoices/7')).ok).to.equal(true);
  });

  it('[L5] H10 a request that arrives after it was cancelled is granted nothing', async () => {
    const requestId = randomUUID();
    await ada.does('lock:cancel', { requestId });
    const error = await ada.refused('lock:acquire', { resource: 'invoices/1', requestId });
    expect(error).to.include({ code: 'conflict', outcome: 'cancelled' });
    expect((await ada.does('lock:query', { resource: 'invoices/1' })).holders).to.deep.equal([]);
  });

  it('[L5] H02 the same request again finds its own grant or place', async () => {
    const requestId = randomUUID();
    const first = await ada.does('lock:acquire', { resource: 'invoices/7', requestId });
    expect(await ada.does('lock:acquire', { resource: 'invoices/7', requestId })).to.deep.equal(first);
    const waiting = await queued(grace, 'invoices/7');
    const again = await grace.does('lock:acquire', {
      resource: 'invoices/7',
      waitMs: 60_000,
      requestId: waiting,
    });
    expect(again).to.include({ state: 'queued', position: 1 });
    if (first.state !== 'granted') throw new Error('it was queued');
    await ada.does('lock:release', { resource: 'invoices/7', fence: first.lock.fence });
    const error = await ada.refused('lock:acquire', { resource: 'invoices/7', requestId });
    expect(error).to.include({ code: 'conflict', outcome: 'released' });
  });

  it('[L5] refuses a requestId that waits for another resource', async () => {
    await granted(ada, 'invoices/7');
    const requestId = await queued(grace, 'invoices/7');
    const other = await grace.refused('lock:acquire', { resource: 'invoices/8', waitMs: 60_000, requestId });
    expect(other.code).to.equal('conflict');
    expect(await granted(ada, 'invoices/8')).to.include({ resource: 'invoices/8' });
  });

  it('[L6] H13 a holder gets the same grant again; another session of the same person does not', async () => {
    const lock = await granted(ada, 'invoices/7');
    expect(await granted(ada, 'invoices/7')).to.deep.equal(lock);
    const secondTab = await broker.connect(tenant, 'ada');
    expect(
      (await secondTab.refused('lock:acquire', { resource: 'invoices/7', requestId: randomUUID() })).code,
    ).to.equal('locked');
  });

  it('[L7] H08 releases nothing with another fence or by another session', async () => {
    const lock = await granted(ada, 'invoices/7');
    expect(await ada.does('lock:release', { resource: 'invoices/7', fence: lock.fence - 1 })).to.include({
      released: false,
    });
    expect(await grace.does('lock:release', { resource: 'invoices/7', fence: lock.fence })).to.include({
      released: false,
    });
    expect(await grace.does('lock:check', { resource: 'invoices/7', fence: lock.fence })).to.include({
      valid: true,
    });
  });

  it('[L8] [S12] H12 passes on at the end of the session, in one instant', async () => {
    const lock = await granted(ada, 'invoices/7');
    await queued(ada, 'invoices/8-held-by-nobody').catch(() => undefined);
    await queued(grace, 'invoices/7');
    await ada.does('session:end', {});
    const push = await grace.saw('lock:granted');
    expect(push.lock.fence).to.be.greaterThan(lock.fence);
    const { items } = await broker.core.audit.list(tenant, {}, { limit: 50 });
    const ended = items.find((record) => record.type === 'session.ended');
    const handed = items.find(
      (record) => record.type === 'lock.granted' && record.sessionId === grace.sessionId,
    );
    expect(handed?.at).to.equal(ended?.at);
  });

  it('[L9] H11 passes over a waiter without a socket, who keeps its place', async () => {
    const third = await broker.connect(tenant, 'linus');
    const lock = await granted(ada, 'invoices/7');
    const waiting = await queued(grace, 'invoices/7');
    await queued(third, 'invoices/7');
    await grace.drop();
    await waitUntil(
      async () => (await broker.core.sessions.get(tenant, grace.sessionId)).state === 'disconnected',
      'the session to be disconnected',
    );
    await ada.does('lock:release', { resource: 'invoices/7', fence: lock.fence });
    const passed = await third.saw('lock:granted');
    const back = await broker.connect(tenant, 'grace', { auth: { resume: grace.resume } });
    expect(back.welcome.waiting).to.deep.equal([{ requestId: waiting, resource: 'invoices/7', position: 1 }]);
    await third.does('lock:release', { resource: 'invoices/7', fence: passed.lock.fence });
    await back.saw('lock:granted', ({ requestId }) => requestId === waiting);
  });

  it('[L9] a waiter that comes back to a free resource has it', async () => {
    const lock = await granted(ada, 'invoices/7');
    await queued(grace, 'invoices/7');
    await grace.drop();
    await waitUntil(
      async () => (await broker.core.sessions.get(tenant, grace.sessionId)).state === 'disconnected',
      'the session to be disconnected',
    );
    await ada.does('lock:release', { resource: 'invoices/7', fence: lock.fence });
    const back = await broker.connect(tenant, 'grace', { auth: { resume: grace.resume } });
    expect(back.welcome.locks.map(({ resource }) => resource)).to.deep.equal(['invoices/7']);
    expect(back.welcome.waiting).to.have.length(0);
  });

  it('[L10] checks the fence, the holder and the lease', async () => {
    const lock = await granted(ada, 'invoices/7');
    const check = (fence: number, sessionId?: string) =>
      broker.core.locks.check(tenant, 'invoices/7', fence, sessionId);
    expect(await check(lock.fence)).to.deep.equal({ valid: true, lock });
    expect(await check(lock.fence, ada.sessionId)).to.include({ valid: true });
    expect(await check(lock.fence, grace.sessionId)).to.include({ valid: false });
    expect(await check(lock.fence + 1)).to.include({ valid: false });
    await ada.does('session:end', {});
    expect(await check(lock.fence)).to.include({ valid: false });
  });

  it('[L11] an administrator breaks a lock: the holder is told, the next waiter has it', async () => {
    const lock = await granted(ada, 'invoices/7');
    await queued(grace, 'invoices/7');
    const { user } = administrator(tenant);
    const by = { kind: 'admin', id: user.id, name: user.name } as const;
    expect(await broker.core.locks.break(tenant, 'invoices/7', 'lunch', by)).to.deep.equal([ada.sessionId]);
    const lost = await ada.saw('lock:lost');
    expect(lost).to.deep.equal({ resource: 'invoices/7', fence: lock.fence, reason: 'admin', by });
    await grace.saw('lock:granted');
    const [record] = (await broker.core.audit.list(tenant, { type: 'lock.broken' }, { limit: 1 })).items;
    expect(record).to.include({ resource: 'invoices/7', fence: lock.fence, reason: 'lunch' });
  });

  it('[L12] limits locks per session and waiters per resource', async () => {
    await broker.policy(tenant, { maxLocksPerSession: 2, maxWaitersPerResource: 1 });
    await granted(ada, 'a/1');
    await granted(ada, 'a/2');
    expect((await ada.refused('lock:acquire', { resource: 'a/3', requestId: randomUUID() })).code).to.equal(
      'lock_limit',
    );
    await queued(grace, 'a/1');
    const third = await broker.connect(tenant, 'linus');
    const error = await third.refused('lock:acquire', {
      resource: 'a/1',
      waitMs: 1_000,
      requestId: randomUUID(),
    });
    expect(error.code).to.equal('queue_full');
  });

  it('[S9] lists locked resources by prefix and by who is concerned, page by page', async () => {
    await granted(ada, 'customers/1');
    for (const name of ['1', '2', '3']) await granted(ada, `invoices/${name}`);
    await queued(grace, 'invoices/2');
    const page = await broker.core.locks.list(tenant, { prefix: 'invoices/' }, { limit: 2 });
    expect(page.items.map(({ resource }) => resource)).to.deep.equal(['invoices/1', 'invoices/2']);
    const rest = await broker.core.locks.list(
      tenant,
      { prefix: 'invoices/' },
      { limit: 2, cursor: page.next as string },
    );
    expect(rest.items.map(({ resource }) => resource)).to.deep.equal(['invoices/3']);
    const hers = await broker.core.locks.list(tenant, { session: grace.sessionId }, { limit: 10 });
    expect(hers.items.map(({ resource }) => resource)).to.deep.equal(['invoices/2']);
    expect(await broker.core.locks.count(tenant)).to.equal(4);
  });
});
