import { randomUUID } from 'node:crypto';
import type { PolicySettings } from '@lastcall/shared';
import { expect } from 'chai';
import type { TestClient } from './support/broker.js';
import {
  giveBack,
  grantOf,
  isValid,
  queue,
  refusal,
  SHARED,
  type Three,
  take,
  takeOver,
  useThree,
  waitersOf,
} from './support/locks.js';
import { rest } from './support/policy.js';
import { waitUntil } from './support/wait.js';

const LONG = 60_000;

describe('taking over locks', () => {
  const place = useThree();
  let { tenant, ada, grace, linus } = {} as Three;

  async function begin(settings: Partial<PolicySettings> = {}): Promise<void> {
    ({ tenant, ada, grace, linus } = await place.begin({ takeoverMs: LONG, ...settings }));
  }

  const refused = (client: TestClient, resource: string, force = false) =>
    client.refused('lock:takeover', { resource, force, requestId: randomUUID() });

  const recordsOf = async (type: 'lock.taken_over' | 'lock.granted') =>
    (await place.broker.core.audit.list(tenant, { type }, { limit: 100 })).items;

  it('[L18] H15 asks the holder, who sees who and why and how long; yielding hands over in one instant', async () => {
    await begin();
    const lock = await take(ada, 'books/1');
    const waiting = await queue(linus, 'books/1');
    const request = {
      resource: 'books/1',
      reason: 'The tax office is on the phone.',
      requestId: randomUUID(),
    };
    const answer = await grace.does('lock:takeover', request);
    if (answer.state !== 'asked') throw new Error('it was granted');
    expect(answer.deadlineMs).to.be.within(LONG - 10_000, LONG + 1_000);
    const asked = await ada.saw('lock:requested');
    const by = { kind: 'user', id: 'grace', name: 'grace by name' } as const;
    expect(asked).to.deep.include({
      requestId: request.requestId,
      resource: 'books/1',
      by,
      reason: 'The tax office is on the phone.',
    });
    expect(asked.deadlineMs).to.be.within(LONG - 10_000, LONG + 1_000);
    expect(await waitersOf(linus, 'books/1'), 'at the head').to.deep.equal([request.requestId, waiting]);
    expect(await isValid(ada, lock), 'the time is the holder’s').to.equal(true);
    const again = await grace.does('lock:takeover', request);
    expect(again.state, 'asked again').to.equal('asked');

    await ada.does('lock:answer', { requestId: request.requestId, answer: 'yield' });
    const taken = await grantOf(grace, request.requestId);
    expect(taken.fence).to.be.greaterThan(lock.fence);
    expect(await ada.saw('lock:lost')).to.deep.equal({
      resource: 'books/1',
      fence: lock.fence,
      reason: 'takeover',
      by,
    });
    expect(ada.all('lock:requested')).to.have.length(1);
    const [loss] = await recordsOf('lock.taken_over');
    expect(loss).to.deep.include({ sessionId: ada.sessionId, fence: lock.fence, reason: 'takeover', by });
    expect(loss?.details).to.include({ requestId: request.requestId, why: request.reason });
    expect((await recordsOf('lock.granted')).find(({ fence }) => fence === taken.fence)?.at).to.equal(
      loss?.at,
    );
    expect(linus.all('lock:granted')).to.deep.equal([]);
    await giveBack(grace, taken);
    await grantOf(linus, waiting);
  });

  it('[L18] keeps the lock of who says so, and tells who asked', async () => {
    await begin();
    const lock = await take(ada, 'books/1');
    const requestId = await takeOver(grace, 'books/1');
    await ada.saw('lock:requested');
    await ada.does('lock:answer', { requestId, answer: 'keep' });
    const denied = await grace.saw('lock:denied', (push) => push.requestId === requestId);
    expect(denied.error.code).to.equal('takeover_refused');
    expect(denied.error.message).to.include('ada by name');
    expect(await isValid(ada, lock)).to.equal(true);
    expect(await waitersOf(ada, 'books/1')).to.deep.equal([]);
    const late = await ada.refused('lock:answer', { requestId, answer: 'yield' });
    expect(late.code).to.equal('not_found');
    const over = await grace.refused('lock:takeover', { resource: 'books/1', requestId });
    expect(over).to.include({ code: 'conflict', outcome: 'kept' });
    await takeOver(grace, 'books/1');
  });

  it('[L18] silence yields, at the end of the time and not before', async () => {
    await begin({ takeoverMs: 1_000 });
    const lock = await take(ada, 'books/1', { scope: 'tree' });
    await queue(linus, 'books/1/2');
    const requestId = await takeOver(grace, 'books/1');
    const taken = await grantOf(grace, requestId);
    expect(taken).to.include({ mode: 'exclusive', scope: 'tree' });
    expect(await ada.saw('lock:lost')).to.include({ fence: lock.fence, reason: 'takeover' });
    const { items } = await place.broker.core.audit.list(tenant, { type: 'lock.requested' }, { limit: 10 });
    const question = items.find(({ details }) => details?.['state'] === 'asked');
    expect(taken.grantedAt - Number(question?.at)).to.be.at.least(1_000);
    expect(linus.all('lock:granted')).to.deep.equal([]);
  });

  it('[L18] who takes over and goes away gets nothing', async () => {
    await begin({ takeoverMs: 1_000 });
    const lock = await take(ada, 'books/1');
    const requestId = await takeOver(grace, 'books/1');
    await grace.does('lock:cancel', { requestId });
    const second = await takeOver(linus, 'books/1');
    await linus.drop();
    await waitUntil(async () => (await waitersOf(ada, 'books/1')).length === 0, 'the time to be over');
    expect(await isValid(ada, lock)).to.equal(true);
    expect(ada.all('lock:lost')).to.deep.equal([]);
    const back = await place.broker.connect(tenant, 'linus', { auth: { resume: linus.resume } });
    const over = await back.refused('lock:takeover', { resource: 'books/1', requestId: second });
    expect(over).to.include({ code: 'conflict', outcome: 'refused' });
  });

  it('[L18] a lock that is given back goes to who takes over, ahead of the queue', async () => {
    await begin();
    const lock = await take(ada, 'books/1');
    await queue(linus, 'books/1');
    const requestId = await takeOver(grace, 'books/1');
    await giveBack(ada, lock);
    const taken = await grantOf(grace, requestId);
    expect(taken.fence).to.be.greaterThan(lock.fence);
    expect(await recordsOf('lock.taken_over')).to.deep.equal([]);
    await giveBack(grace, taken);
    await linus.saw('lock:granted');
  });

  it('[L18] asks all that share it; one that keeps it is enough to keep it', async () => {
    await begin();
    const clients = [ada, linus];
    await Promise.all(clients.map((client) => take(client, 'books/1', SHARED)));
    const first = await takeOver(grace, 'books/1');
    for (const client of clients) await client.saw('lock:requested');
    await ada.does('lock:answer', { requestId: first, answer: 'yield' });
    expect(grace.all('lock:granted')).to.deep.equal([]);
    expect(ada.all('lock:lost')).to.deep.equal([]);
    await linus.does('lock:answer', { requestId: first, answer: 'keep' });
    await grace.saw('lock:denied', (push) => push.requestId === first);
    const second = await takeOver(grace, 'books/1');
    for (const client of clients) await client.does('lock:answer', { requestId: second, answer: 'yield' });
    expect(await grantOf(grace, second)).to.include({ mode: 'exclusive' });
    for (const client of clients) expect(await client.saw('lock:lost')).to.include({ reason: 'takeover' });
  });

  it('[L18] a holder that comes back is asked again', async () => {
    await begin();
    await take(ada, 'books/1');
    await ada.drop();
    const requestId = await takeOver(grace, 'books/1', 'lunch');
    const back = await place.broker.connect(tenant, 'ada', { auth: { resume: ada.resume } });
    const asked = await back.saw('lock:requested');
    expect(asked).to.include({ requestId, resource: 'books/1', reason: 'lunch' });
    expect(asked.deadlineMs).to.be.within(1, LONG + 1_000);
    await back.does('lock:answer', { requestId, answer: 'yield' });
    await grantOf(grace, requestId);
  });

  it('[L19] an idle holder yields at once', async () => {
    await begin({ lockIdleMs: 1_000, beatMs: 1_000, leaseMs: 10_000 });
    const lock = await take(ada, 'books/1');
    const busy = await refusal(grace, 'books/1');
    expect(busy.blockers?.[0]).to.include({ takeable: 'ask' });
    rest(ada);
    const isIdle = async (): Promise<boolean> => {
      const { lastBeatAt, lastInputAt } = await place.broker.core.sessions.get(tenant, ada.sessionId);
      return lastBeatAt - lastInputAt >= 1_000;
    };
    await waitUntil(isIdle, 'it to be known that nobody is there', 15_000);
    const answer = await grace.does('lock:takeover', { resource: 'books/1', requestId: randomUUID() });
    expect(answer.state).to.equal('granted');
    expect(await ada.saw('lock:lost')).to.include({ fence: lock.fence, reason: 'idle' });
    expect(ada.all('lock:requested')).to.deep.equal([]);
  }).timeout(20_000);

  it('[L19] nobody takes over where the policy says never, and only from idle people where it says so', async () => {
    for (const lockTakeover of ['never', 'idle'] as const) {
      await begin({ lockTakeover });
      await take(ada, 'books/1');
      expect((await refusal(grace, 'books/1')).blockers?.[0]).to.include({ takeable: 'no' });
      const error = await refused(grace, 'books/1');
      expect(error.code).to.equal('takeover_refused');
      expect(error.blockers?.[0]?.user.id).to.equal('ada');
      const root = await place.broker.connect(tenant, 'root', { roles: ['admin'] });
      expect((await refused(root, 'books/1', true)).code).to.equal('takeover_refused');
      expect(ada.all('lock:requested')).to.deep.equal([]);
    }
  });

  it('[L19] administrators alone take over, and use force, where the policy says admin', async () => {
    await begin({ lockTakeover: 'admin' });
    const root = await place.broker.connect(tenant, 'root', { roles: ['admin'] });
    const lock = await take(ada, 'books/1');
    const other = await take(ada, 'books/2');
    expect((await refusal(grace, 'books/1')).blockers?.[0]).to.include({ takeable: 'no' });
    expect((await refusal(root, 'books/1')).blockers?.[0]).to.include({ takeable: 'force' });
    for (const force of [false, true]) {
      expect((await refused(grace, 'books/1', force)).code).to.equal('takeover_refused');
    }
    await takeOver(root, 'books/2');
    await ada.saw('lock:requested', ({ resource }) => resource === other.resource);
    const request = { resource: 'books/1', force: true, reason: 'month end', requestId: randomUUID() };
    const answer = await root.does('lock:takeover', request);
    expect(answer.state).to.equal('granted');
    expect(await root.does('lock:takeover', request), 'asked again').to.deep.equal(answer);
    const lost = await ada.saw('lock:lost');
    expect(lost).to.deep.include({ fence: lock.fence, reason: 'takeover' });
    expect(lost.by).to.include({ id: 'root' });
    expect((await recordsOf('lock.taken_over'))[0]?.details).to.include({ forced: true, why: 'month end' });
    await begin();
    await take(ada, 'books/1');
    const plain = await place.broker.connect(tenant, 'root', { roles: ['admin'] });
    expect((await refused(plain, 'books/1', true)).code).to.equal('takeover_refused');
  });

  it('[L19] takes over nothing that is part of another’s tree, nor what is taken over already', async () => {
    await begin();
    await take(ada, 'books', { scope: 'tree' });
    const error = await refused(grace, 'books/1');
    expect(error.code).to.equal('takeover_refused');
    expect(error.blockers?.map(({ resource }) => resource)).to.deep.equal(['books']);
    await takeOver(grace, 'books');
    expect((await refused(linus, 'books')).message).to.include('already');
    expect((await refusal(linus, 'books')).blockers?.[0]).to.include({ takeable: 'no' });
  });

  it('[L18] [L5] what nobody holds is granted; what one has alone already stays as it is', async () => {
    await begin();
    const requestId = randomUUID();
    const answer = await grace.does('lock:takeover', { resource: 'books/1', requestId });
    expect(answer.state).to.equal('granted');
    expect(await grace.does('lock:takeover', { resource: 'books/1', requestId })).to.deep.equal(answer);
    const shared = await take(ada, 'books/2', SHARED);
    await take(linus, 'books/2', SHARED);
    const own = await takeOver(ada, 'books/2');
    await linus.does('lock:answer', { requestId: own, answer: 'yield' });
    const taken = await grantOf(ada, own);
    expect(taken.fence).to.be.greaterThan(shared.fence);
    expect(taken.mode).to.equal('exclusive');
  });

  it('[L16] [L18] an upgrade of who loses the lock comes to nothing', async () => {
    await begin();
    const lock = await take(ada, 'books/1', SHARED);
    await take(linus, 'books/1', SHARED);
    const upgrade = randomUUID();
    await ada.does('lock:upgrade', {
      resource: 'books/1',
      fence: lock.fence,
      waitMs: LONG,
      requestId: upgrade,
    });
    const requestId = await takeOver(grace, 'books/1');
    for (const client of [ada, linus]) await client.does('lock:answer', { requestId, answer: 'yield' });
    await grantOf(grace, requestId);
    const denied = await ada.saw('lock:denied', (push) => push.requestId === upgrade);
    expect(denied.error.code).to.equal('not_held');
  });
});
