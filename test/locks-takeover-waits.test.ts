import { randomUUID } from 'node:crypto';
import type { PolicySettings } from '@lastcall/shared';
import { expect } from 'chai';
import { connectRedis } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import {
  giveBack,
  grantOf,
  queue,
  refusal,
  SHARED,
  type Three,
  TREE,
  take,
  takeOver,
  useThree,
  waitersOf,
} from './support/locks.js';
import { testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const LONG = 60_000;

describe('what happens while somebody waits to take over', () => {
  const place = useThree();
  let { tenant, ada, grace, linus } = {} as Three;

  async function begin(settings: Partial<PolicySettings> = {}): Promise<void> {
    ({ tenant, ada, grace, linus } = await place.begin({ takeoverMs: LONG, ...settings }));
  }

  it('[L18] who gets the tree while it waits to take over takes over the tree, and loses nothing of it', async () => {
    await begin();
    const shared = await take(ada, 'books/1', SHARED);
    const requestId = await takeOver(grace, 'books/1');
    await take(grace, 'books/1', { ...SHARED, ...TREE });
    await giveBack(ada, shared);
    expect(await grantOf(grace, requestId)).to.include({ mode: 'exclusive', scope: 'tree' });
    expect((await refusal(linus, 'books/1/2')).code).to.equal('locked');
  });

  it('[L18] [L22] what is kept back is not taken over either: who takes over has it first when its time is over', async () => {
    await begin({ takeoverMs: 1_000, lockDelayMs: 1_500 });
    await take(ada, 'books/1');
    const waiting = await queue(linus, 'books/1');
    const requestId = await takeOver(grace, 'books/1');
    const driver = await connectRedis({ url: (await testStore()).url });
    try {
      const end = [ada.sessionId, 'unresponsive', JSON.stringify({ kind: 'system' }), '', '[]'];
      await new Store(driver).run('session_end', tenant, end);
    } finally {
      await driver.close();
    }
    const { ended } = await place.broker.core.sessions.get(tenant, ada.sessionId);
    const lock = await grantOf(grace, requestId);
    expect(lock.grantedAt - (ended?.endedAt ?? 0)).to.be.at.least(1_500);
    expect(
      (await place.broker.core.audit.list(tenant, { type: 'lock.taken_over' }, { limit: 1 })).items,
    ).to.deep.equal([]);
    expect(await waitersOf(linus, 'books/1')).to.deep.equal([waiting]);
  });

  it('[P2] [L19] who takes by force what somebody else was asking for has it alone: nobody behind that one gets it, too', async () => {
    await begin({ lockTakeover: 'admin' });
    const [first, second] = await Promise.all(
      ['root', 'chief'].map((name) => place.broker.connect(tenant, name, { roles: ['admin'] })),
    );
    if (!first || !second) throw new Error('two administrators were to be there');
    await take(ada, 'books/1', SHARED);
    await takeOver(first, 'books/1');
    await queue(linus, 'books/1', SHARED);
    const request = { resource: 'books/1', force: true, requestId: randomUUID() };
    const taken = await second.does('lock:takeover', request);
    expect(taken).to.deep.include({ state: 'granted' });
    const { holders, waiters } = await grace.does('lock:query', { resource: 'books/1' });
    expect(holders.map(({ sessionId }) => sessionId)).to.deep.equal([second.sessionId]);
    expect(waiters.map(({ sessionId }) => sessionId)).to.deep.equal([linus.sessionId]);
  });

  it('[L18] [L19] who is asked for a lock, and loses it, hears of that after the answer that granted it', async () => {
    await begin();
    const { broker } = place;
    const { locks } = broker.core;
    const acquire = locks.acquire.bind(locks);
    const heard: string[] = [];
    const stop = broker.core.bus.listen((of, { type }) => void (of === tenant && heard.push(type)));
    // The records are quicker than the answer of Redis, as they are over a connection that lost no packet.
    locks.acquire = async (...request) => {
      const answer = await acquire(...request);
      const requestId = await takeOver(grace, 'books/1');
      await waitUntil(() => heard.includes('lock.requested'), 'the question');
      await locks.answer(tenant, ada.sessionId, requestId, 'yield');
      await waitUntil(() => heard.includes('lock.taken_over'), 'the loss');
      return answer;
    };
    try {
      const order: string[] = [];
      ada.socket.onAny((event: string) => void (event.startsWith('lock:') && order.push(event)));
      const request = { resource: 'books/1', requestId: randomUUID() };
      ada.socket.emit('lock:acquire', request, ({ state }: { state: string }) => order.push(state));
      await waitUntil(() => order.length === 3, 'the answer and the news');
      expect(order).to.deep.equal(['granted', 'lock:requested', 'lock:lost']);
    } finally {
      locks.acquire = acquire;
      stop();
    }
  });
});
