import type { Session } from '@lastcall/shared';
import { expect } from 'chai';
import { io } from 'socket.io-client';
import { inBatches, Pair, paired } from './support/brokers.js';
import { type Cleanups, cleaned } from './support/faults.js';
import { send } from './support/http.js';
import { useParallel } from './support/parallel.js';
import { startProxy } from './support/proxy.js';
import { testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

/** Time for what nobody is to wait for on an ordinary machine. */
const PATIENCE_MS = 20_000;

describe('a broker that its clients leave', function () {
  this.timeout(60_000);
  const parallel = useParallel();

  it(
    '[N3] [S3] [K14] one that is frozen for longer than the lease: its clients move, nobody ends',
    parallel(
      paired(async (pair) => {
        const { here, there } = pair;
        await pair.policy(here, { beatMs: 1_000, leaseMs: 6_000 });
        const names = Array.from({ length: 10 }, (_, i) => `user-${i}`);
        const workers = await inBatches(names, (sub) => pair.work(sub));
        here.pause();
        pair.target = there;
        const frozenAt = performance.now();
        const isOnline = () => workers.every(({ client }) => client.getSnapshot().status === 'online');
        await waitUntil(() => !isOnline(), 'the silence to be noticed', PATIENCE_MS);
        await waitUntil(isOnline, 'all to be online again', PATIENCE_MS);
        await waitUntil(() => performance.now() - frozenAt > 8_000, 'more than a lease', 10_000);
        here.resume();

        await waitUntil(async () => (await pair.nodes(there)).length >= 2, 'the frozen one to be back');
        const isReady = async () => (await send(`${here.url}/readyz`)).status === 200;
        await waitUntil(isReady, 'the frozen one to serve again', PATIENCE_MS);
        for (const { client, handle, sessionId } of workers) {
          expect(client.getSnapshot().session?.id).to.equal(sessionId);
          expect(handle.state).to.equal('held');
          expect((await client.check(handle.resource, handle.fence)).valid).to.equal(true);
        }
        expect(isOnline(), 'it takes nothing back').to.equal(true);
        expect(await pair.records(there, 'session.ended')).to.deep.equal([]);
      }),
    ),
  );

  it(
    '[N3] [K13] one that alone has lost the store: its clients move to the other without a moment in between',
    parallel(cleaned(lonely)),
  );

  it(
    '[N4] [K2] one that is told to stop sends its clients to the other, and ends with 0',
    parallel(paired(leave)),
  );

  it('[N4] any client of Socket.IO comes back by itself when its node leaves', parallel(paired(comeBack)));
});

/** One of two brokers loses the store, and nobody else. */
async function lonely(cleanups: Cleanups): Promise<void> {
  const { url } = await testStore();
  const link = await startProxy(Number(new URL(url).port));
  const redisUrl = Object.assign(new URL(url), { port: String(link.port) }).href;
  const pair = await Pair.start({}, undefined, { redisUrl });
  cleanups.add(() => link.stop());
  cleanups.add(() => pair.cleanups.run());
  const { there } = pair;
  await pair.policy(there, { beatMs: 1_000, leaseMs: 20_000 });
  const workers = await inBatches(
    Array.from({ length: 5 }, (_, i) => `user-${i}`),
    (sub) => pair.work(sub),
  );
  const statuses = new Set<string>();
  for (const { client } of workers) client.subscribe(() => statuses.add(client.getSnapshot().status));
  link.stall(true);
  pair.target = there;
  const params = { tenant: pair.tenant };
  const api = await pair.api(there);
  const sessions = async () => (await api.does<{ items: Session[] }>('sessions.list', { params })).items;
  const before = new Map((await sessions()).map(({ id, node }) => [id, node]));
  expect(before.size).to.equal(workers.length);
  await waitUntil(
    async () => (await sessions()).every(({ id, node }) => node !== before.get(id)),
    'all to be on the node that has its store',
    PATIENCE_MS,
  );
  for (const { client, handle } of workers) {
    await waitUntil(() => client.getSnapshot().error === undefined, 'a heartbeat to be answered');
    expect((await client.check(handle.resource, handle.fence)).valid).to.equal(true);
  }
  expect([...statuses], 'nobody was without a connection').to.deep.equal(['online']);
  expect(await pair.records(there, 'session.ended')).to.deep.equal([]);
}

/** A broker is told to stop while one of its clients is being logged off, which it waits for. */
async function leave(pair: Pair): Promise<void> {
  const { here, there } = pair;
  // Longer than all that is looked at meanwhile takes.
  await pair.policy(here, { flushMs: 20_000 });
  const workers = await inBatches(
    Array.from({ length: 30 }, (_, i) => `user-${i}`),
    (sub) => pair.work(sub),
  );
  const slow = await pair.connect(here, 'slow');
  slow.acknowledges = false;
  const order = await pair.order(here, { target: { users: ['slow'] }, graceMs: 0 });
  await slow.saw('logoff');
  pair.target = there;
  const ended = here.end();

  await waitUntil(async () => (await send(`${here.url}/readyz`)).status === 503, 'readiness to be denied');
  const stranger = await pair.connect(here, 'stranger');
  expect(stranger.error).to.include({ code: 'unavailable' });
  expect(stranger.error?.terminal).not.to.equal(true);
  expect(stranger.error?.retryAfterMs, stranger.error?.message).to.be.within(1_000, 2_000);

  await slow.drop();
  await ended;
  const isOnline = () => workers.every(({ client }) => client.getSnapshot().status === 'online');
  await waitUntil(isOnline, 'all to be online on the other node', PATIENCE_MS);
  for (const { client, handle, sessionId } of workers) {
    expect(client.getSnapshot().session?.id).to.equal(sessionId);
    await waitUntil(() => handle.state === 'held', 'the lock to be held');
  }
  const ends = await pair.records(there, 'session.ended');
  expect(ends.map(({ orderId }) => orderId)).to.deep.equal([order.id]);
  await waitUntil(async () => (await pair.read(there, order.id)).state === 'done', 'the order', PATIENCE_MS);
}

/** A client that leaves everything to Socket.IO. */
async function comeBack(pair: Pair): Promise<void> {
  const { here, there } = pair;
  const token = await pair.token('ada');
  let resume: { sessionId: string; key: string } | undefined;
  const welcomes: { sessionId: string; resumed: boolean }[] = [];
  const socket = io(`${pair.url}/lastcall`, {
    transports: ['websocket'],
    auth: (answer) => answer({ token, ...(resume ? { resume } : {}) }),
    reconnectionDelay: 50,
  });
  pair.cleanups.add(() => socket.disconnect());
  socket.on('welcome', (welcome: { sessionId: string; resumeKey: string; resumed: boolean }) => {
    resume = { sessionId: welcome.sessionId, key: welcome.resumeKey };
    welcomes.push(welcome);
  });
  await waitUntil(() => welcomes.length === 1, 'a welcome');
  pair.target = there;
  await here.end();
  await waitUntil(() => welcomes.length === 2, 'a second welcome', PATIENCE_MS);
  expect(welcomes[1]).to.include({ sessionId: welcomes[0]?.sessionId, resumed: true });
}
