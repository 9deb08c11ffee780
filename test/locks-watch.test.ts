import { randomUUID } from 'node:crypto';
import type { LockEntry } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { giveBack, grantOf, queue, take } from './support/locks.js';
import { waitUntil } from './support/wait.js';

describe('watching locks', () => {
  let broker: TestBroker;
  let second: TestBroker;
  let tenant: string;
  let ada: TestClient;
  let grace: TestClient;
  let linus: TestClient;

  before(async () => {
    broker = await TestBroker.start();
    second = await TestBroker.start();
  });
  after(() => Promise.all([broker.close(), second.close()]));
  beforeEach(async () => {
    tenant = freshTenant();
    ada = await broker.connect(tenant, 'ada');
    grace = await second.connect(tenant, 'grace');
    linus = await broker.connect(tenant, 'linus');
  });

  const areSame = (a: readonly string[], b: readonly string[]): boolean => a.join() === b.join();
  const holdersIn = (entry: LockEntry | undefined): string[] =>
    entry?.holders.map(({ user }) => user.id).toSorted() ?? [];
  const changesOf = (client: TestClient, resource: string): LockEntry[] =>
    client.all('lock:changed').filter((entry) => entry.resource === resource);

  /** Waits until a client was told that a resource is held and waited for by these, in the end. */
  async function sees(
    client: TestClient,
    resource: string,
    holders: string[],
    waiters: string[],
  ): Promise<LockEntry> {
    const isSo = (): boolean => {
      const entry = changesOf(client, resource).at(-1);
      const waiting = entry?.waiters.map(({ user }) => user.id) ?? [];
      return entry !== undefined && areSame(holdersIn(entry), holders) && areSame(waiting, waiters);
    };
    await waitUntil(isSo, `${resource} to be told of`);
    return changesOf(client, resource).at(-1) as LockEntry;
  }

  it('[L23] answers with what is locked there now, then tells of each change, on every node', async () => {
    const lock = await take(ada, 'books/1');
    await take(ada, 'people/1');
    const { locks } = await grace.does('lock:watch', { prefix: 'books/' });
    expect(locks.map((entry) => [entry.resource, ...holdersIn(entry)])).to.deep.equal([['books/1', 'ada']]);
    const waiting = await queue(linus, 'books/1');
    const queued = await sees(grace, 'books/1', ['ada'], ['linus']);
    expect(queued.waiters[0]).to.include({ requestId: waiting, position: 1 });
    expect(queued.holders[0]).to.include({ takeable: 'ask' });
    await giveBack(ada, lock);
    await sees(grace, 'books/1', ['linus'], []);
    await linus.does('session:end', {});
    await sees(grace, 'books/1', [], []);
    await take(ada, 'books/2/lines');
    await sees(grace, 'books/2/lines', ['ada'], []);
    expect(grace.all('lock:changed').some(({ resource }) => resource.startsWith('people'))).to.equal(false);
    expect(ada.all('lock:changed')).to.deep.equal([]);
    await grace.does('lock:unwatch', { prefix: 'books/' });
    await grace.does('lock:watch', { prefix: 'people/' });
    await take(ada, 'books/3');
    await take(ada, 'people/2');
    await sees(grace, 'people/2', ['ada'], []);
    expect(changesOf(grace, 'books/3')).to.deep.equal([]);
  });

  it('[L23] a prefix is the beginning of a name: an empty one is everything', async () => {
    await ada.does('lock:watch', { prefix: '' });
    await ada.does('lock:watch', { prefix: 'books/1' });
    await take(linus, 'books/12');
    await take(linus, 'x');
    await sees(ada, 'books/12', ['linus'], []);
    await sees(ada, 'x', ['linus'], []);
    expect(changesOf(ada, 'books/12'), 'once, whatever prefixes it has').to.have.length(1);
  });

  it('[L23] who looks sees what it may do, and its own lock as its own', async () => {
    await broker.policy(tenant, { lockTakeover: 'admin' });
    const root = await broker.connect(tenant, 'root', { roles: ['admin'] });
    for (const client of [ada, linus, root]) await client.does('lock:watch', { prefix: 'books' });
    await take(ada, 'books/1');
    for (const [client, takeable] of [
      [ada, 'no'],
      [linus, 'no'],
      [root, 'force'],
    ] as const) {
      const entry = await sees(client, 'books/1', ['ada'], []);
      expect(entry.holders[0]?.takeable, client.welcome.user.id).to.equal(takeable);
    }
  });

  it('[L23] many changes of one resource are told together', async () => {
    await grace.does('lock:watch', { prefix: 'books/' });
    for (let i = 0; i < 40; i += 1) await giveBack(ada, await take(ada, 'books/1'));
    await take(ada, 'books/1');
    await sees(grace, 'books/1', ['ada'], []);
    expect(changesOf(grace, 'books/1').length).to.be.below(40);
  });

  it('[L23] [P7] limits prefixes, and tells nothing of another tenant', async () => {
    const stranger = await broker.connect(freshTenant(), 'eve');
    await stranger.does('lock:watch', { prefix: '' });
    for (let i = 0; i < 32; i += 1) await ada.does('lock:watch', { prefix: `books/${i}` });
    const error = await ada.refused('lock:watch', { prefix: 'one/more' });
    expect(error.code).to.equal('lock_limit');
    await ada.does('lock:watch', { prefix: 'books/1' });
    await ada.does('lock:unwatch', { prefix: 'books/1' });
    await ada.does('lock:watch', { prefix: 'one/more' });
    await take(linus, 'one/more');
    await sees(ada, 'one/more', ['linus'], []);
    expect(stranger.all('lock:changed')).to.deep.equal([]);
    expect((await ada.refused('lock:watch', { prefix: 'no spaces' })).code).to.equal('invalid');
  });

  it('[L24] tells waiters their places as they change, on every node', async () => {
    const alan = await second.connect(tenant, 'alan');
    const lock = await take(ada, 'books/1');
    const first = await queue(linus, 'books/1');
    const places = [await queue(grace, 'books/1'), await queue(alan, 'books/1')] as const;
    await linus.does('lock:cancel', { requestId: first });
    const push = await grace.saw('lock:position');
    expect(push).to.deep.equal({ requestId: places[0], resource: 'books/1', position: 1 });
    await alan.saw('lock:position', ({ position }) => position === 2);
    const takeover = randomUUID();
    await linus.does('lock:takeover', { resource: 'books/1', requestId: takeover });
    await alan.saw('lock:position', ({ position }) => position === 3);
    await linus.does('lock:cancel', { requestId: takeover });
    await grace.drop();
    const back = await second.connect(tenant, 'grace', { auth: { resume: grace.resume } });
    expect(back.welcome.waiting).to.deep.equal([{ requestId: places[0], resource: 'books/1', position: 1 }]);
    const joined = await queue(linus, 'books/1');
    await giveBack(ada, lock);
    await giveBack(back, await grantOf(back, places[0]));
    await grantOf(alan, places[1]);
    await linus.saw('lock:position', ({ requestId, position }) => requestId === joined && position === 1);
    expect(alan.all('lock:position').every(({ requestId }) => requestId === places[1])).to.equal(true);
  });
});
