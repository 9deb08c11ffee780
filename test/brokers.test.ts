import { expect } from 'chai';
import { administrator, freshTenant, type TestBroker } from './support/broker.js';
import { inBatches, Pair, paired } from './support/brokers.js';
import { brokerOn, type Cleanups, cleaned, endsIn } from './support/faults.js';
import { checkHistoryAtRest, historyOf } from './support/history.js';
import { LATE_MS } from './support/orders.js';
import { useParallel } from './support/parallel.js';
import { ownStore } from './support/store.js';
import { waitUntil } from './support/wait.js';

const HELD = 500;
const REGISTERED = 300;
const GRACE_MS = 3_000;
/** Time for what nobody is to wait for on an ordinary machine. */
const PATIENCE_MS = 20_000;

describe('many brokers', function () {
  this.timeout(60_000);
  const parallel = useParallel();

  it(
    '[N2] [P3] [P5] one that is killed with 500 sessions: all resume on the other with their locks, none ends',
    parallel(
      paired(async (pair) => {
        const { here, there } = pair;
        const names = Array.from({ length: HELD }, (_, i) => `user-${i}`);
        const clients = await inBatches(names, (sub) => pair.connect(here, sub));
        const fences = await inBatches(clients, async (client) => {
          const answer = await client.acquire(`records/${client.welcome.user.id}`);
          return answer.ok && answer.state === 'granted' ? answer.lock.fence : undefined;
        });
        expect(fences).not.to.include(undefined);
        const target = { users: names.slice(0, 20) };
        const order = await pair.order(here, { target, graceMs: GRACE_MS });
        await here.kill();

        const resumed = await inBatches(clients, (client) =>
          pair.connect(there, client.welcome.user.id, client),
        );
        expect(resumed.map(({ sessionId }) => sessionId)).to.deep.equal(clients.map((c) => c.sessionId));
        expect(resumed.map(({ welcome }) => welcome.resumed)).not.to.include(false);
        expect(resumed.map(({ welcome }) => welcome.locks[0]?.fence)).to.deep.equal(fences);

        // The order that was in flight is completed by whoever is left.
        const isDone = async () => (await pair.read(there, order.id)).state === 'done';
        await waitUntil(isDone, 'the order to be done', PATIENCE_MS);
        const ends = await pair.records(there, 'session.ended');
        expect(ends).to.have.length(20);
        for (const end of ends) {
          expect(end).to.include({ orderId: order.id, reason: 'admin' });
          expect(end.at - order.deadlineAt, 'after the deadline').to.be.within(0, LATE_MS);
        }
        expect((await pair.receipts(there, order.id)).filter(({ verified }) => !verified)).to.deep.equal([]);
      }),
    ),
  );

  it(
    '[N1] an administrator on one logs off clients of the other; each knows of both, and when one goes',
    parallel(
      cleaned(async (cleanups) => {
        const store = await ownStore();
        cleanups.add(() => store.stop());
        const pair = await Pair.start({ redisUrl: store.url });
        cleanups.add(() => pair.cleanups.run());
        await comeAndGo(pair);
      }),
    ),
  );

  it(
    '[N1] [P1] [P3] H33 four that see the same deadline come: each session ends once, in time',
    parallel(cleaned(sameDeadline)),
  );
});

/** Four nodes see the same deadline come. */
async function sameDeadline(cleanups: Cleanups): Promise<void> {
  const store = await ownStore();
  cleanups.add(() => store.stop());
  const brokers = await Promise.all(Array.from({ length: 4 }, () => brokerOn(store.url, cleanups)));
  const [first] = brokers as [TestBroker, ...TestBroker[]];
  const tenant = freshTenant();
  const clients = await Promise.all(brokers.map((broker, i) => broker.connect(tenant, `user-${i}`)));
  const admin = administrator(tenant);
  const names = Array.from({ length: REGISTERED }, (_, i) => `registered-${i}`);
  await inBatches(names, (id) => {
    const user = { id, name: id, roles: ['user'] };
    return first.core.sessions.open({ ...admin, user }, { address: '192.0.2.1' });
  });
  const order = await first.core.orders.create(admin, tenant, {
    action: 'logoff',
    target: { all: true },
    message: 'Good night.',
    reason: 'admin',
    graceMs: 1_500,
    holdMs: 0,
  });
  for (const client of clients)
    await client.saw('logoff', ({ orderId }) => orderId === order.id, PATIENCE_MS);
  const all = REGISTERED + clients.length;
  const ends = async () => endsIn(await historyOf(first.core, tenant));
  await waitUntil(async () => (await ends()).length >= all, 'everybody to be out', PATIENCE_MS);
  await checkHistoryAtRest(first.core, tenant);
  const records = await ends();
  expect(new Set(records.map(({ sessionId }) => sessionId)).size).to.equal(all);
  expect(records).to.have.length(all);
  for (const { at } of records) expect(at - order.deadlineAt).to.be.within(0, LATE_MS);
}

/** Nodes as the other one knows them. */
async function comeAndGo(pair: Pair): Promise<void> {
  const { here, there } = pair;
  const isPair = async () => (await pair.nodes(here)).length === 2;
  await waitUntil(isPair, 'each to know of the other');
  const both = await pair.nodes(here);
  for (const { version, startedAt, seenAt } of both) {
    expect(version).to.match(/^\d/);
    expect(seenAt).to.be.at.least(startedAt);
  }
  const ada = await pair.connect(there, 'ada');
  await waitUntil(
    async () => (await pair.nodes(here)).some(({ sessions }) => sessions === 1),
    'the session to be counted',
  );
  const order = await pair.order(here, { target: { users: ['ada'] }, graceMs: 0 });
  await ada.saw('logoff', ({ orderId }) => orderId === order.id);
  await waitUntil(async () => (await pair.read(here, order.id)).state === 'done', 'the order to be done');
  const [receipt] = await pair.receipts(here, order.id);
  expect(receipt).to.include({ outcome: 'forced', verified: true });

  const isAlone = async () => (await pair.nodes(here)).length === 1;
  // It says good-bye: it is gone at once. One that is killed is gone when it was silent for 5 s.
  const admin = await pair.watch(here);
  await there.end();
  await waitUntil(isAlone, 'the node that left to be gone', 3_000);
  await admin.saw('nodes:changed', (nodes) => nodes.length === 1);
  await there.start();
  await admin.saw('nodes:changed', (nodes) => nodes.length === 2);
  await there.kill();
  await waitUntil(isAlone, 'the silent node to be gone', PATIENCE_MS);
}
