import { randomUUID } from 'node:crypto';
import type { LockMode, LockScope, WireError } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { giveBack, grantOf, queue, TREE, take } from './support/locks.js';
import { Random } from './support/random.js';

const LONG = 60_000;

describe('deadlocks', () => {
  let broker: TestBroker;
  let tenant: string;
  let clients: TestClient[];

  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());

  async function begin(count: number): Promise<void> {
    tenant = freshTenant();
    clients = await Promise.all(Array.from({ length: count }, (_, i) => broker.connect(tenant, `user-${i}`)));
  }
  const client = (i: number): TestClient => clients[i % clients.length] as TestClient;

  const wait = (i: number, resource: string, wish: { mode?: LockMode; scope?: LockScope } = {}) =>
    client(i).call('lock:acquire', { resource, ...wish, waitMs: LONG, requestId: randomUUID() });

  async function deadlock(
    i: number,
    resource: string,
    wish: { mode?: LockMode; scope?: LockScope } = {},
  ): Promise<WireError> {
    const answer = await wait(i, resource, wish);
    if (answer.ok) throw new Error(`waits for ever: ${JSON.stringify(answer)}`);
    expect(answer.error.code).to.equal('deadlock');
    return answer.error;
  }

  for (let count = 2; count <= 10; count += 1) {
    it(`[L20] H14 finds that of ${count} sessions, at the request that closes the circle`, async () => {
      await begin(count);
      const held = await Promise.all(clients.map((one, i) => take(one, `books/${i}`)));
      for (let i = 0; i < count - 1; i += 1) await queue(client(i), `books/${i + 1}`);
      const error = await deadlock(count - 1, 'books/0');
      expect(error.cycle?.map(({ user, resource }) => [user.id, resource])).to.deep.equal([
        [`user-${count - 1}`, 'books/0'],
        ...Array.from({ length: count - 1 }, (_, i) => [`user-${i}`, `books/${i + 1}`]),
      ]);
      expect(error.message).to.include('user-0 by name waits for books/1');
      // Giving back what the others wait for lets all of them go on, one after the other.
      await giveBack(client(count - 1), held[count - 1] as never);
      for (let i = count - 2; i >= 0; i -= 1) {
        const { lock } = await client(i).saw('lock:granted');
        await giveBack(client(i), lock);
        await giveBack(client(i), held[i] as never);
      }
    });
  }

  it('[L20] through trees, readers, and older requests that nobody may pass', async () => {
    await begin(4);
    await take(client(0), 'a/1');
    await take(client(1), 'b', { scope: 'tree' });
    await queue(client(0), 'b/7');
    await deadlock(1, 'a', { scope: 'tree' });
    await deadlock(1, 'a', { scope: 'tree', mode: 'shared' });

    await begin(4);
    await take(client(0), 'r', { mode: 'shared' });
    await take(client(2), 'other');
    await queue(client(1), 'r');
    await queue(client(0), 'other');
    // It could read beside the first; but it would pass the second, who waits for the first, who waits for it.
    const error = await deadlock(2, 'r', { mode: 'shared' });
    expect(error.cycle).to.have.length(3);
  });

  it('[L20] through what the session that asks waits for elsewhere', async () => {
    await begin(3);
    await take(client(0), 'a/2');
    await queue(client(1), 'a', TREE);
    await queue(client(2), 'a/1');
    // Behind the third, who waits behind the tree that the second waits for: nobody else has any of it.
    const error = await deadlock(1, 'a/1');
    expect(error.cycle?.map(({ user, resource }) => [user.id, resource])).to.deep.equal([
      ['user-1', 'a/1'],
      ['user-2', 'a/1'],
    ]);
  });

  it('[L16] [L20] through what whoever upgrades waits for elsewhere: others would wait for the upgrade', async () => {
    await begin(4);
    const { fence } = await take(client(0), 'r', { mode: 'shared' });
    await take(client(1), 'r', { mode: 'shared' });
    await take(client(2), 'other');
    await client(3).does('lock:takeover', { resource: 'r', requestId: randomUUID() });
    await queue(client(2), 'r', { mode: 'shared' });
    await queue(client(0), 'other');
    const requestId = randomUUID();
    const error = await client(0).refused('lock:upgrade', { resource: 'r', fence, waitMs: LONG, requestId });
    expect(error.cycle?.map(({ user, resource }) => [user.id, resource])).to.deep.equal([
      ['user-0', 'other'],
      ['user-2', 'r'],
    ]);
  });

  it('[L20] is over when a wait is over', async () => {
    await begin(2);
    await take(client(0), 'a');
    await take(client(1), 'b');
    const requestId = await queue(client(0), 'b');
    await deadlock(1, 'a');
    await client(0).does('lock:cancel', { requestId });
    const waiting = await wait(1, 'a');
    expect(waiting.ok).to.equal(true);
    await client(0).does('session:end', {});
    await client(1).saw('lock:granted');
  });

  it('[L20] H14 random waits of 20 sessions are refused exactly when they close a circle', async () => {
    const random = new Random();
    const { seed } = random;
    await begin(20);
    const resources = Array.from({ length: 10 }, (_, i) => `books/${i}`);
    /** Who holds or waits for what, in order, as an onlooker would count it: exclusive locks on records only. */
    const lines = new Map<string, { sid: number; requestId: string; fence: number }[]>(
      resources.map((resource) => [resource, []]),
    );
    const waitsFor = (sid: number): number[] =>
      [...lines.values()].flatMap((line) => {
        const at = line.findIndex((one) => one.sid === sid);
        return at > 0 ? line.slice(0, at).map((one) => one.sid) : [];
      });
    const reaches = (from: readonly number[], to: number, seen = new Set<number>()): boolean =>
      from.some((sid) => {
        if (sid === to) return true;
        if (seen.has(sid)) return false;
        seen.add(sid);
        return reaches(waitsFor(sid), to, seen);
      });
    let found = 0;
    for (let step = 0; step < 400; step += 1) {
      const sid = random.within(0, 19);
      const resource = random.pick(resources);
      const line = lines.get(resource) as { sid: number; requestId: string; fence: number }[];
      const at = line.findIndex((one) => one.sid === sid);
      const what = `seed ${seed}, step ${step}: user-${sid} and ${resource}`;
      if (at < 0) {
        const requestId = randomUUID();
        const answer = await client(sid).call('lock:acquire', { resource, waitMs: LONG, requestId });
        const closes = reaches(
          line.map((one) => one.sid),
          sid,
        );
        expect(answer.ok, what).to.equal(!closes);
        if (!answer.ok) {
          expect(answer.error.code, what).to.equal('deadlock');
          found += 1;
        } else {
          expect(answer.state, what).to.equal(line.length === 0 ? 'granted' : 'queued');
          line.push({ sid, requestId, fence: answer.state === 'granted' ? answer.lock.fence : 0 });
        }
        continue;
      }
      const [mine] = line.splice(at, 1);
      if (at > 0) await client(sid).does('lock:cancel', { requestId: mine?.requestId ?? '' });
      else await giveBack(client(sid), { resource, fence: mine?.fence ?? 0 });
      const next = line[0];
      if (at === 0 && next) next.fence = (await grantOf(client(next.sid), next.requestId)).fence;
    }
    expect(found, `deadlocks with seed ${seed}`).to.be.greaterThan(5);
  });
});
