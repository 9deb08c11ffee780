import { createClient, type LastcallClient } from '@lastcall/client';
import type { Receipt } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { rejection } from './support/sdk.js';
import { waitUntil } from './support/wait.js';

const RESOURCE = 'invoices/7';

describe('SDK: with the real broker', () => {
  let broker: TestBroker;
  let tenant: string;
  const clients: LastcallClient[] = [];

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  beforeEach(async () => {
    tenant = freshTenant();
    await broker.policy(tenant, { beatMs: 1_000, leaseMs: 3_000 });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  const connected = async (sub: string): Promise<LastcallClient> => {
    const client = createClient({
      url: broker.url,
      token: () => broker.token(tenant, sub),
      app: { name: 'books' },
      logger: { warn: () => undefined },
    });
    clients.push(client);
    await client.connect();
    return client;
  };

  const logoff = async (graceMs: number): Promise<string> => {
    const request = {
      action: 'logoff',
      target: { all: true },
      message: 'Year end.',
      reason: 'admin',
      graceMs,
    } as const;
    const { id } = await broker.core.orders.create(administrator(tenant), tenant, request);
    return id;
  };

  const receipts = async (orderId: string): Promise<readonly Receipt[]> => {
    const { items } = await broker.core.orders.receipts(tenant, orderId, { limit: 10 });
    return items;
  };

  it('[P1, K1] keeps a session over several leases by answering beats, locks included', async () => {
    const client = await connected('ann');
    const handle = await client.lock(RESOURCE);
    const states: string[] = [];
    handle.onChange(({ state }) => states.push(state));
    const began = performance.now();
    await waitUntil(() => performance.now() - began > 3_300, 'more than a lease');
    expect(client.getSnapshot().status).to.equal('online');
    expect(handle.state).to.equal('held');
    expect(states).to.deep.equal([]);
    expect(await client.check(RESOURCE, handle.fence)).to.include({ valid: true });
  });

  it('[P2, L3] passes a lock from one to the next, with a higher fence, and tells who holds it', async () => {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    const first = await ann.lock(RESOURCE, { note: 'month end' });
    const refused = await rejection(bob.lock(RESOURCE));
    expect(refused).to.include({ code: 'locked' });
    const waiting = bob.lock(RESOURCE, { waitMs: 10_000 });
    await waitUntil(() => bob.getSnapshot().waiting.length === 1, 'a place in the queue');
    expect(bob.getSnapshot().waiting[0]?.blockers[0]).to.deep.include({ note: 'month end' });
    await first.release();
    const second = await waiting;
    expect(second.fence).to.be.above(first.fence);
    expect(second.state).to.equal('held');
  });

  it('[L4] leaves the queue for good when it is aborted (H10)', async () => {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    const first = await ann.lock(RESOURCE);
    const controller = new AbortController();
    const waiting = rejection(bob.lock(RESOURCE, { waitMs: 10_000, signal: controller.signal }));
    await waitUntil(() => bob.getSnapshot().waiting.length === 1, 'a place in the queue');
    controller.abort();
    await waiting;
    await waitUntil(async () => (await ann.query(RESOURCE)).waiters.length === 0, 'an empty queue');
    await first.release();
    await waitUntil(async () => (await ann.query(RESOURCE)).holders.length === 0, 'a free record');
  });

  it('[L4] is told when its wait has run out', async () => {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    await ann.lock(RESOURCE);
    expect(await rejection(bob.lock(RESOURCE, { waitMs: 200 }))).to.include({ code: 'locked' });
    expect(bob.getSnapshot().waiting).to.deep.equal([]);
  });

  it('[S2, L6] resumes after it was closed, and gets the same grant when it asks again', async () => {
    const client = await connected('ann');
    const handle = await client.lock(RESOURCE);
    const { session } = client.getSnapshot();
    client.close();
    expect(handle.state).to.equal('lost');
    const welcome = await client.connect();
    expect(welcome).to.include({ resumed: true, sessionId: session?.id });
    const again = await client.lock(RESOURCE);
    expect(again).to.include({ state: 'held', fence: handle.fence });
  });

  it('[K4, O7] saves the work under a hold, and the receipt is clean', async () => {
    const client = await connected('ann');
    const saved: string[] = [];
    client.onSave(async ({ cause }) => {
      await waitUntil(() => client.getSnapshot().state === 'saving', 'the hold');
      saved.push(cause);
      client.setDirty(false);
    });
    client.setDirty(true);
    const orderId = await logoff(2_000);
    await waitUntil(() => client.getSnapshot().status === 'ended', 'the end');
    expect(saved).to.deep.equal(['deadline']);
    expect(client.getSnapshot().ended).to.deep.include({ reason: 'admin', message: 'Year end.', orderId });
    await waitUntil(async () => (await receipts(orderId))[0]?.verified === true, 'the proof');
    expect((await receipts(orderId))[0]).to.include({ outcome: 'clean' });
  });

  it('[O5, O9] stays to the deadline with nothing to save, and the receipt is forced', async () => {
    const client = await connected('ann');
    client.setDirty(false);
    const began = performance.now();
    const orderId = await logoff(1_000);
    await waitUntil(() => client.getSnapshot().warnings.length === 1, 'the warning');
    expect(client.remainingMs(orderId)).to.be.within(1, 1_100);
    await waitUntil(() => client.getSnapshot().status === 'ended', 'the end');
    expect(performance.now() - began).to.be.above(900);
    await waitUntil(async () => (await receipts(orderId))[0]?.verified === true, 'the proof');
    expect((await receipts(orderId))[0]).to.include({ outcome: 'forced' });
  });

  it('[S7, O12] learns at its return that the session was ended while it was away (H37)', async () => {
    const client = await connected('ann');
    client.close();
    const orderId = await logoff(0);
    await waitUntil(async () => (await receipts(orderId))[0]?.endedAt !== undefined, 'the end');
    expect(await rejection(client.connect())).to.include({ code: 'session_ended' });
    await waitUntil(() => client.getSnapshot().status === 'ended', 'the end of the client');
    expect(client.getSnapshot().ended).to.deep.include({ reason: 'admin', message: 'Year end.', orderId });
  });

  it('[S12] signs out, and the next sign-in is a new session', async () => {
    const client = await connected('ann');
    const { session } = client.getSnapshot();
    await client.end();
    expect(client.getSnapshot().ended).to.include({ reason: 'user' });
    const welcome = await client.connect();
    expect(welcome.resumed).to.equal(false);
    expect(welcome.sessionId).not.to.equal(session?.id);
  });
});
