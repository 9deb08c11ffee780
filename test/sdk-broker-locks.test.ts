import { createClient, type LastcallClient, type LastcallError } from '@lastcall/client';
import { expect } from 'chai';
import { freshTenant, TestBroker } from './support/broker.js';
import { rejection } from './support/sdk.js';
import { waitUntil } from './support/wait.js';

const RESOURCE = 'invoices/7';
const TAKEOVER_MS = 1_500;

describe('SDK: locks of several people, with the real broker', () => {
  let broker: TestBroker;
  let tenant: string;
  const clients: LastcallClient[] = [];

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  beforeEach(async () => {
    tenant = freshTenant();
    await broker.policy(tenant, { beatMs: 1_000, leaseMs: 10_000, takeoverMs: TAKEOVER_MS });
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  async function connected(sub: string, roles: readonly string[] = ['user']): Promise<LastcallClient> {
    const client = createClient({
      url: broker.url,
      token: () => broker.token(tenant, sub, roles),
      logger: { warn: () => undefined },
      saveLeadMs: 1_000,
    });
    clients.push(client);
    await client.connect();
    return client;
  }

  /** Ann holds the record, and Bob has asked for it. */
  async function asked() {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    const handle = await ann.lock(RESOURCE);
    const taken = bob.takeover(RESOURCE, { reason: 'Month end' });
    taken.catch(() => undefined);
    await waitUntil(() => ann.getSnapshot().requested.length === 1, 'the question');
    const [request] = ann.getSnapshot().requested;
    return { ann, bob, handle, taken, requestId: request?.requestId ?? '' };
  }

  it('[K8][K9][K11][L18] hands a record over after it was saved', async () => {
    const { ann, bob, handle, taken, requestId } = await asked();
    const saves: string[] = [];
    ann.onSave(({ cause }) => saves.push(cause), { resource: RESOURCE });
    expect(ann.getSnapshot().requested[0]).to.deep.include({ resource: RESOURCE, reason: 'Month end' });
    expect(ann.getSnapshot().requested[0]?.by).to.include({ kind: 'user', id: 'bob' });
    expect(ann.remainingMs(requestId)).to.be.within(1, TAKEOVER_MS + 50);
    await waitUntil(() => bob.getSnapshot().waiting[0]?.takeover === true, 'the wait');
    const { signal } = handle;
    expect(await ann.yield(requestId)).to.include({ saved: true });
    expect(saves).to.deep.equal(['takeover']);
    const lock = await taken;
    expect(lock.fence).to.be.above(handle.fence);
    await waitUntil(() => handle.state === 'lost', 'the loss');
    expect(signal.aborted).to.equal(true);
    expect(handle.lost).to.deep.include({ reason: 'takeover' });
    expect(handle.lost?.by).to.include({ id: 'bob' });
    expect(ann.getSnapshot().lost[0]).to.deep.include({ resource: RESOURCE, reason: 'takeover' });
    expect(ann.getSnapshot().requested).to.deep.equal([]);
  });

  it('[K8][K11] keeps a record, and who asked is refused', async () => {
    const { ann, bob, handle, taken, requestId } = await asked();
    await ann.keep(requestId);
    expect(await rejection(taken)).to.include({ code: 'takeover_refused' });
    expect(bob.getSnapshot().waiting).to.deep.equal([]);
    expect(handle.state).to.equal('held');
    expect(await ann.check(RESOURCE, handle.fence)).to.include({ valid: true });
  });

  it('[K8][K9] saves for who says nothing, and then hands over', async () => {
    const { ann, handle, taken } = await asked();
    const saves: string[] = [];
    ann.onSave(
      ({ cause }) => {
        saves.push(cause);
      },
      { resource: RESOURCE, isDirty: () => saves.length === 0 },
    );
    expect((await taken).state).to.equal('held');
    await waitUntil(() => handle.state === 'lost', 'the loss');
    expect(saves).to.deep.equal(['takeover']);
    expect(handle.lost?.reason).to.equal('takeover');
  });

  it('[K11] withdraws what it gives up, and the holder goes on', async () => {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    const handle = await ann.lock(RESOURCE);
    const controller = new AbortController();
    const given = rejection(bob.takeover(RESOURCE, { signal: controller.signal }));
    await waitUntil(() => ann.getSnapshot().requested.length === 1, 'the question');
    controller.abort();
    await given;
    await waitUntil(() => ann.getSnapshot().requested.length === 0, 'the end of the time');
    await waitUntil(() => handle.state === 'held', 'the broker’s word');
    expect(await ann.check(RESOURCE, handle.fence)).to.include({ valid: true });
  });

  it('[K7] [L4] who waited in vain learns who has it', async () => {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    await ann.lock('a', { scope: 'tree', note: 'closing July' });
    const { code, extras } = (await rejection(bob.lock('a/1', { waitMs: 200 }))) as LastcallError;
    expect(code).to.equal('locked');
    expect(extras.blockers?.[0]).to.deep.include({ resource: 'a', note: 'closing July', takeable: 'ask' });
    expect(extras.blockers?.[0]?.user.id).to.equal('ann');
  });

  it('[K11] says who is in the way where nobody may take over', async () => {
    await broker.policy(tenant, { beatMs: 1_000, leaseMs: 10_000, lockTakeover: 'never' });
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    await ann.lock(RESOURCE);
    const { extras } = (await rejection(bob.lock(RESOURCE))) as LastcallError;
    expect(extras.blockers?.[0]).to.include({ takeable: 'no' });
    expect(await rejection(bob.takeover(RESOURCE))).to.include({ code: 'takeover_refused' });
  });

  it('[K11][L19] takes by force where administrators may', async () => {
    await broker.policy(tenant, { beatMs: 1_000, leaseMs: 10_000, lockTakeover: 'admin' });
    const [ann, root] = [await connected('ann'), await connected('root', ['admin'])];
    const handle = await ann.lock(RESOURCE);
    const { extras } = (await rejection(root.lock(RESOURCE))) as LastcallError;
    expect(extras.blockers?.[0]).to.include({ takeable: 'force' });
    expect((await root.takeover(RESOURCE, { force: true })).fence).to.be.above(handle.fence);
    await waitUntil(() => handle.state === 'lost', 'the loss');
  });

  it('[K7][L16][L17] reads together, upgrades when alone, and refuses the second of two', async () => {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    const [first, second] = [
      await ann.lock(RESOURCE, { mode: 'shared' }),
      await bob.lock(RESOURCE, { mode: 'shared' }),
    ];
    const upgraded = first.upgrade({ waitMs: 10_000 });
    await waitUntil(() => ann.getSnapshot().waiting.length === 1, 'the wait');
    const error = (await rejection(second.upgrade({ waitMs: 10_000 }))) as LastcallError;
    expect(error.code).to.equal('deadlock');
    expect(error.extras.cycle?.map(({ user }) => user.id).toSorted()).to.deep.equal(['ann', 'bob']);
    const { fence } = first;
    await second.release();
    await upgraded;
    expect(first).to.include({ mode: 'exclusive', state: 'held' });
    expect(first.fence).to.be.above(fence);
    expect(await ann.check(RESOURCE, first.fence)).to.include({ valid: true });
    expect(await rejection(bob.lockMany([{ resource: 'a/1' }, { resource: RESOURCE }]))).to.include({
      code: 'locked',
    });
    const many = await bob.lockMany([{ resource: 'a/1' }, { resource: 'a/2', scope: 'tree' }]);
    expect(many.map(({ resource, scope }) => `${resource} ${scope}`)).to.deep.equal([
      'a/1 record',
      'a/2 tree',
    ]);
  });

  it('[K7] leaves an upgrade that is given up, and stays shared', async () => {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    const handle = await ann.lock(RESOURCE, { mode: 'shared' });
    await bob.lock(RESOURCE, { mode: 'shared' });
    const controller = new AbortController();
    const given = rejection(handle.upgrade({ waitMs: 10_000, signal: controller.signal }));
    await waitUntil(() => ann.getSnapshot().waiting.length === 1, 'the wait');
    controller.abort();
    await given;
    await waitUntil(async () => (await ann.query(RESOURCE)).waiters.length === 0, 'an empty queue');
    await waitUntil(() => handle.state === 'held', 'the broker’s word');
    expect(handle.mode).to.equal('shared');
  });

  it('[K10] watches over a reconnection', async () => {
    const [ann, bob] = [await connected('ann'), await connected('bob')];
    const seen: string[] = [];
    const end = bob.watchLocks('invoices/', ({ live, locks }) => {
      seen.push(`${live} ${locks.map(({ holders }) => holders[0]?.user.id).join(' ')}`.trim());
    });
    const now = (): string | undefined => seen.at(-1);
    await waitUntil(() => now() === 'true', 'nothing locked');
    const handle = await ann.lock(RESOURCE);
    await waitUntil(() => now() === 'true ann', 'the lock');
    bob.close();
    await waitUntil(() => now() === 'false ann', 'blindness');
    await handle.release();
    await bob.connect();
    await waitUntil(() => now() === 'true', 'the news');
    end();
    await ann.lock(RESOURCE);
    await bob.query(RESOURCE);
    expect(now()).to.equal('true');
  });
});
