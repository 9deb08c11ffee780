import { randomUUID } from 'node:crypto';
import type { LockMode, LockScope } from '@lastcall/shared';
import { expect } from 'chai';
import { connectRedis } from 'lastcall/internal/redis/driver.js';
import { sessionKey } from 'lastcall/internal/redis/keys.js';
import { Store } from 'lastcall/internal/redis/store.js';
import type { TestClient } from './support/broker.js';
import {
  giveBack,
  grantOf,
  queue,
  refusal,
  SHARED,
  type Three,
  TREE,
  take,
  useThree,
  waitersOf,
} from './support/locks.js';
import { testStore } from './support/redis.js';

const SHARED_TREE = { mode: 'shared', scope: 'tree' } as const;

describe('shared and tree locks', () => {
  const place = useThree();
  let { tenant, ada, grace, linus } = {} as Three;

  beforeEach(async () => {
    ({ tenant, ada, grace, linus } = await place.begin());
  });

  /** Whether a second lock is granted beside a first of another session. */
  const ways: readonly [mode: LockMode, scope: LockScope][] = [
    ['exclusive', 'record'],
    ['exclusive', 'tree'],
    ['shared', 'record'],
    ['shared', 'tree'],
  ];
  const places: readonly [
    first: string,
    second: string,
    areTogether: (a: LockScope, b: LockScope) => boolean,
  ][] = [
    ['a/b/c', 'a/b/c', () => true],
    ['a', 'a/b/c', (above) => above === 'tree'],
    ['a/b/c', 'a', (_below, above) => above === 'tree'],
    ['a/b', 'a/bc', () => false],
    ['a/b/c/d/e/f/g', 'a/b/c/d/e/f/g/h', (above) => above === 'tree'],
  ];

  it('[L13] [L14] [P2] grants beside each other what does not exclude each other, in all combinations', async () => {
    for (const [firstAt, secondAt, areTogether] of places) {
      for (const [mode, scope] of ways) {
        const lock = await take(ada, firstAt, { mode, scope });
        for (const [other, otherScope] of ways) {
          const wish = { resource: secondAt, mode: other, scope: otherScope, requestId: randomUUID() };
          const answer = await grace.call('lock:acquire', wish);
          const excluded = areTogether(scope, otherScope) && !(mode === 'shared' && other === 'shared');
          const what = `${mode} ${scope} on ${firstAt}, then ${other} ${otherScope} on ${secondAt}`;
          expect(answer.ok, what).to.equal(!excluded);
          if (!answer.ok) expect(answer.error.code, what).to.equal('locked');
          else if (answer.state === 'granted') await giveBack(grace, answer.lock);
        }
        await giveBack(ada, lock);
      }
    }
    expect(await place.broker.core.locks.count(tenant), 'nothing is left').to.equal(0);
  });

  it('[L14] a session is not in its own way', async () => {
    await take(ada, 'books/1');
    await take(ada, 'books', TREE);
    await take(ada, 'books/2');
    await take(ada, 'books/2/lines', SHARED_TREE);
    expect(ada.pushes.filter(({ event }) => event !== 'welcome')).to.deep.equal([]);
  });

  it('[L14] one segment is the root of its tree: nobody else gets anything below', async () => {
    await take(ada, 'company', TREE);
    for (const resource of ['company', 'company/1', 'company/1/2/3/4/5/6/7']) {
      const error = await refusal(grace, resource);
      expect(error.code, resource).to.equal('locked');
      expect(error.blockers?.map((blocker) => [blocker.resource, blocker.scope])).to.deep.equal([
        ['company', 'tree'],
      ]);
    }
    await take(grace, 'companies/1');
  });

  it('[L2] [L14] names who is below when a tree is asked for, at most 20 of them', async () => {
    for (let i = 0; i < 12; i += 1) await take(ada, `books/${i}/lines`);
    for (let i = 12; i < 24; i += 1) await take(grace, `books/${i}`, SHARED);
    const exclusive = await refusal(linus, 'books', TREE);
    expect(exclusive.blockers).to.have.length(20);
    const shared = await refusal(linus, 'books', SHARED_TREE);
    expect(shared.blockers).to.have.length(12);
    expect(new Set(shared.blockers?.map(({ user }) => user.id))).to.deep.equal(new Set(['ada']));
  });

  it('[L10] [L14] a fence of a tree lock is valid below it, and not above or beside', async () => {
    const { fence } = await take(ada, 'books/a', TREE);
    const check = async (resource: string) => (await ada.does('lock:check', { resource, fence })).valid;
    expect(await check('books/a')).to.equal(true);
    expect(await check('books/a/1/2')).to.equal(true);
    expect(await check('books')).to.equal(false);
    expect(await check('books/ab')).to.equal(false);
    const record = await take(ada, 'people/a');
    const below = await ada.does('lock:check', { resource: 'people/a/1', fence: record.fence });
    expect(below.valid).to.equal(false);
    expect((await place.broker.core.locks.check(tenant, 'books/a/1', fence, ada.sessionId)).valid).to.equal(
      true,
    );
    expect((await place.broker.core.locks.check(tenant, 'books/a/1', fence, grace.sessionId)).valid).to.equal(
      false,
    );
  });

  it('[L6] a holder that asks for less has it; for more it is told to upgrade', async () => {
    const lock = await take(ada, 'books/1', TREE);
    expect(await take(ada, 'books/1', SHARED)).to.deep.equal(lock);
    await take(ada, 'books/2', SHARED);
    const error = await refusal(ada, 'books/2');
    expect(error.code).to.equal('conflict');
    expect(error.message).to.include('lock:upgrade');
  });

  it('[L13] [L15] grants readers together, in their order, and lets nobody barge past a writer', async () => {
    const more = await Promise.all(['r1', 'r2', 'w', 'r3'].map((name) => place.broker.connect(tenant, name)));
    const [r1, r2, w, r3] = more as [TestClient, TestClient, TestClient, TestClient];
    const lock = await take(ada, 'books/1');
    const first = await queue(r1, 'books/1', SHARED);
    const second = await queue(r2, 'books/1', SHARED);
    const writer = await queue(w, 'books/1');
    const third = await queue(r3, 'books/1', SHARED);
    await giveBack(ada, lock);
    const locks = [await grantOf(r1, first), await grantOf(r2, second)];
    expect(await waitersOf(ada, 'books/1')).to.deep.equal([writer, third]);
    // A newcomer who could read now waits as well: somebody waits to write.
    expect((await refusal(grace, 'books/1', SHARED)).blockers?.map(({ user }) => user.id)).to.have.members([
      'r1',
      'r2',
    ]);
    await giveBack(r1, locks[0] as never);
    expect(w.all('lock:granted')).to.deep.equal([]);
    await giveBack(r2, locks[1] as never);
    await giveBack(w, await grantOf(w, writer));
    await grantOf(r3, third);
  });

  it('[L15] whoever waits for a tree is not overtaken below, and gets it when the last lock below is gone', async () => {
    const locks = [await take(ada, 'books/1'), await take(ada, 'books/2/lines')];
    const waiting = await queue(grace, 'books', TREE);
    const behind = await queue(linus, 'books/3');
    await giveBack(ada, locks[0] as never);
    expect(await waitersOf(ada, 'books')).to.deep.equal([waiting]);
    await giveBack(ada, locks[1] as never);
    const tree = await grantOf(grace, waiting);
    expect(linus.all('lock:granted')).to.deep.equal([]);
    await giveBack(grace, tree);
    await grantOf(linus, behind);
  });

  it('[L15] what waits below a tree gets its locks when the tree lock is gone, however many wait', async () => {
    const tree = await take(ada, 'books', TREE);
    const clients = [grace, linus];
    const waiting: [TestClient, string][] = [];
    for (let i = 0; i < 70; i += 1) {
      const client = clients[i % 2] as TestClient;
      waiting.push([client, await queue(client, `books/${i}`)]);
    }
    await giveBack(ada, tree);
    for (const [client, requestId] of waiting) await grantOf(client, requestId);
  });

  it('[L15] an older request below is not passed by a new reader of the tree', async () => {
    const lock = await take(ada, 'books/1', SHARED);
    const writer = await queue(grace, 'books/1');
    const reader = await queue(linus, 'books', SHARED_TREE);
    await giveBack(ada, lock);
    const written = await grantOf(grace, writer);
    expect(linus.all('lock:granted')).to.deep.equal([]);
    await giveBack(grace, written);
    await grantOf(linus, reader);
  });

  it('[L4] [L15] those behind a request that is cancelled, or over, go on', async () => {
    await take(ada, 'books/1', SHARED);
    const writer = await queue(grace, 'books/1');
    const reader = await queue(linus, 'books/1', SHARED);
    await grace.does('lock:cancel', { requestId: writer });
    await grantOf(linus, reader);
    const brief = await queue(grace, 'books', { ...TREE, waitMs: 200 });
    const other = await place.broker.connect(tenant, 'other');
    const behind = await queue(other, 'books/3');
    expect((await grace.saw('lock:denied', ({ requestId }) => requestId === brief)).error.code).to.equal(
      'locked',
    );
    await grantOf(other, behind);
  });

  it('[L9] [L15] H11 those behind a waiter without a socket go on', async () => {
    await take(ada, 'books/1', SHARED);
    await queue(grace, 'books/1');
    const reader = await queue(linus, 'books/1', SHARED);
    await grace.drop();
    await grantOf(linus, reader);
    await take(linus, 'books/2', SHARED);
    const back = await place.broker.connect(tenant, 'grace', { auth: { resume: grace.resume } });
    expect(back.welcome.waiting).to.have.length(1);
    const other = await place.broker.connect(tenant, 'other');
    expect((await refusal(other, 'books/1', SHARED)).code, 'it has its place again').to.equal('locked');
  });

  it('[L9] [L15] those behind a waiter whose broker lost the answer to its resumption go on', async () => {
    await take(ada, 'books/1', SHARED);
    await queue(grace, 'books/1');
    const reader = await queue(linus, 'books/1', SHARED);
    // What a broker does then: the socket that its session may have got is given up.
    const driver = await connectRedis({ url: (await testStore()).url });
    const held = await driver.commands.hgetall(sessionKey(tenant, grace.sessionId));
    const claim = held['at:1']?.split('|')[1] ?? '';
    await new Store(driver).run('session_abandon', tenant, [grace.sessionId, claim, '[]']);
    await driver.close();
    expect((await place.broker.core.sessions.get(tenant, grace.sessionId)).state).to.equal('disconnected');
    await grantOf(linus, reader);
  });

  it('[L26] a session does not wait for itself, when it asks and when the queue moves on', async () => {
    await take(ada, 'books/1', SHARED);
    const older = await queue(grace, 'books/1');
    const writer = await queue(linus, 'books/1');
    const reader = await queue(linus, 'books/1', SHARED);
    await grace.does('lock:cancel', { requestId: older });
    const read = await grantOf(linus, reader);
    expect((await refusal(grace, 'books/1', SHARED)).code, 'others wait behind the writer').to.equal(
      'locked',
    );
    expect(await waitersOf(ada, 'books/1')).to.deep.equal([writer]);
    await giveBack(linus, read);
    // Asked for now it is the same.
    await giveBack(linus, await take(linus, 'books/1', SHARED));
    await ada.does('session:end', {});
    const written = await grantOf(linus, writer);
    // What is asked for twice is had once: the second time is for after the first.
    await take(grace, 'books/2');
    const twice = [await queue(linus, 'books/2'), await queue(linus, 'books/2')] as const;
    await grace.does('session:end', {});
    const first = await grantOf(linus, twice[0]);
    expect(await waitersOf(linus, 'books/2')).to.deep.equal([twice[1]]);
    await giveBack(linus, first);
    await grantOf(linus, twice[1]);
    await giveBack(linus, written);
  });

  it('[S9] [L14] is not listed any more when what it kept from others is a tree above it', async () => {
    const lock = await take(ada, 'books/1');
    const requestId = await queue(grace, 'books', TREE);
    await giveBack(ada, lock);
    await giveBack(grace, await grantOf(grace, requestId));
    expect((await place.broker.core.locks.list(tenant, {}, { limit: 10 })).items).to.deep.equal([]);
    expect(await place.broker.core.locks.count(tenant)).to.equal(0);
  });
});
