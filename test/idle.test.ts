import { createClient } from '@lastcall/client';
import type { Order, Page } from '@lastcall/shared';
import { expect } from 'chai';
import { administrator, TestBroker, type TestClient } from './support/broker.js';
import { ApiClient } from './support/http.js';
import { endOf } from './support/lease.js';
import { useParallel } from './support/parallel.js';
import { PolicyBench, pass, QUICK, rest } from './support/policy.js';
import { waitUntil } from './support/wait.js';

const { idleLogoffMs, idleWarnMs } = QUICK;
const isIdle = ({ reason }: { readonly reason: string }): boolean => reason === 'idle';

describe('idle logoff', () => {
  let broker: TestBroker;
  let other: TestBroker;
  before(async () => {
    [broker, other] = await Promise.all([TestBroker.start(), TestBroker.start()]);
  });
  after(() => Promise.all([broker.close(), other.close()]));
  const parallel = useParallel();

  const live = async (bench: PolicyBench, client: TestClient): Promise<boolean> =>
    (await bench.session(client)).state !== 'ended';
  const warned = (client: TestClient) => client.saw('warning', isIdle, 10_000);

  it(
    '[S16] [P1] comes idleLogoffMs after the last input, exact to 1 s, and is told idleWarnMs before',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.idle('ada');
      const warning = await warned(ada);
      expect(warning).to.include({ action: 'logoff', reason: 'idle', holdable: true, extendable: false });
      expect(warning.by).to.deep.equal({ kind: 'policy' });
      expect(warning.deadlineMs).to.be.within(idleWarnMs - 1_000, idleWarnMs);
      const { state, warned: told } = await bench.session(ada);
      expect(state).to.equal('warned');
      expect(told?.orderId).to.equal(warning.orderId);
      const { openedAt } = await bench.session(ada);
      expect(told?.deadlineAt, 'its deadline').to.be.at.least(openedAt + idleLogoffMs);
      // The time heartbeats take on their way makes input seem later by as much.
      if (!(await bench.wasAway())) expect(told?.deadlineAt).to.be.below(openedAt + idleLogoffMs + 500);
      const end = await bench.endsAt(ada, told?.deadlineAt ?? 0);
      expect(end).to.include({ reason: 'idle', orderId: warning.orderId });
      const push = await ada.saw('logoff');
      expect(push).to.deep.include({ reason: 'idle', by: { kind: 'policy' } });
      await bench.check();
    }),
  );

  it(
    '[S16] two sessions of a person of which only one is used: none ends',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const away = await bench.idle('ada');
      const used = await bench.connect('ada');
      await pass(idleLogoffMs + 1_000);
      for (const client of [away, used]) expect(await live(bench, client)).to.equal(true);
      const orders = await bench.policyOrders();
      expect(
        orders.filter(({ state }) => state !== 'cancelled'),
        'no warning stands',
      ).to.deep.equal([]);
      if (!(await bench.wasAway())) expect(orders, 'no warning at all').to.deep.equal([]);
    }),
  );

  it(
    '[S16] with idleScope session the one that is not used ends, the other stays',
    parallel(async () => {
      const bench = await PolicyBench.start(broker, { idleScope: 'session' });
      const away = await bench.idle('ada');
      const used = await bench.connect('ada');
      const end = await endOf(bench.core, bench.tenant, away.sessionId);
      expect(end).to.include({ reason: 'idle' });
      expect(await live(bench, used)).to.equal(true);
      expect(used.all('warning')).to.deep.equal([]);
    }),
  );

  it(
    '[S16] dismissing the warning in one session keeps all of the person, on any broker',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const here = await bench.idle('ada');
      const there = await other.connect(bench.tenant, 'ada');
      rest(there);
      const stranger = await bench.idle('grace');
      const warnings = await Promise.all([here, there, stranger].map(warned));
      await here.does('activity', { idleMs: 0 });
      rest(here);
      const { lastInputAt } = await bench.session(here);
      await Promise.all([
        here.saw('warning:cancelled', ({ orderId }) => orderId === warnings[0]?.orderId),
        there.saw('warning:cancelled', ({ orderId }) => orderId === warnings[1]?.orderId),
      ]);
      expect((await bench.session(here)).state).to.equal('active');
      expect(await bench.session(there)).not.to.have.property('warned');
      expect((await endOf(bench.core, bench.tenant, stranger.sessionId)).reason).to.equal('idle');
      expect(stranger.all('warning:cancelled')).to.deep.equal([]);
      // The dismissal was input: the time begins anew from it, for both.
      for (const [i, client] of [here, there].entries()) {
        const { orderId } = await client.saw(
          'warning',
          (push) => push.orderId !== warnings[i]?.orderId,
          10_000,
        );
        const { deadlineAt } = await bench.core.orders.get(bench.tenant, orderId);
        expect(deadlineAt).to.be.at.least(lastInputAt + idleLogoffMs);
      }
      await bench.check();
    }),
  );

  it(
    '[S16] [S10] input that a heartbeat tells of withdraws the warning as well; older input does not',
    parallel(async () => {
      const bench = await PolicyBench.start(broker, { idleAfterMs: 60_000 });
      const ada = await bench.idle('ada');
      const first = await warned(ada);
      const before = (await bench.session(ada)).lastInputAt;
      await ada.does('heartbeat', { idleMs: 60_000 });
      expect((await bench.session(ada)).lastInputAt, 'never back').to.be.at.least(before);
      expect((await bench.session(ada)).state).to.equal('warned');
      await ada.does('heartbeat', { idleMs: 0 });
      rest(ada);
      await ada.saw('warning:cancelled', ({ orderId }) => orderId === first.orderId);
      const second = await ada.saw('warning', ({ orderId }) => orderId !== first.orderId, 10_000);
      expect((await endOf(bench.core, bench.tenant, ada.sessionId)).orderId).to.equal(second.orderId);
    }),
  );

  it(
    '[S16] is off with 0, and for who works on',
    parallel(async () => {
      const off = await PolicyBench.start(broker, { idleLogoffMs: 0 });
      const on = await PolicyBench.start(broker);
      const idle = await off.idle('ada');
      const busy = await on.connect('ada');
      await pass(idleLogoffMs + 2_000);
      expect((await off.session(idle)).state).to.equal('idle');
      expect((await on.session(busy)).state).to.equal('active');
      for (const client of [idle, busy]) expect(client.all('warning')).to.deep.equal([]);
    }),
  );

  it(
    '[S16] [A4] turned off after the warning, ends nobody',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.idle('ada');
      const { orderId } = await warned(ada);
      await broker.policy(bench.tenant, { ...QUICK, idleLogoffMs: 0 });
      await ada.saw('warning:cancelled', (push) => push.orderId === orderId, 10_000);
      expect((await bench.session(ada)).state).to.equal('idle');
      await bench.check();
    }),
  );

  it(
    '[S16] opening another session is a sign of the person',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.idle('ada');
      const { orderId } = await warned(ada);
      await other.connect(bench.tenant, 'ada');
      await ada.saw('warning:cancelled', (push) => push.orderId === orderId);
      expect((await bench.session(ada)).state).to.equal('idle');
      await bench.check();
    }),
  );

  it(
    '[S16] input in a session that has ended since counts for the others',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const away = await bench.idle('ada');
      const used = await bench.connect('ada');
      await pass(idleLogoffMs);
      await used.does('session:end', {});
      const { at } = await endOf(bench.core, bench.tenant, used.sessionId);
      const end = await endOf(bench.core, bench.tenant, away.sessionId);
      // The last heartbeat of the one that is used was a beat ago at most.
      expect(end.at - at).to.be.at.least(idleLogoffMs - QUICK.beatMs - 500);
    }),
  );

  it(
    '[S18] [O6] [O7] [O9] the one who is warned may save like anybody, and has a receipt',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const [ada, grace] = await Promise.all([bench.idle('ada'), bench.idle('grace')]);
      const [one, two] = await Promise.all([warned(ada), warned(grace)]);
      const { deadlineMs, holdMs } = await ada.does('order:ack', { orderId: one.orderId, state: 'saving' });
      expect(holdMs).to.be.within(1, QUICK.holdMs);
      const { deadlineAt } = await bench.core.orders.get(bench.tenant, one.orderId);
      const end = await endOf(bench.core, bench.tenant, grace.sessionId);
      expect(end.orderId).to.equal(two.orderId);
      if (holdMs > deadlineMs) expect(await live(bench, ada), 'held').to.equal(true);
      await ada.does('order:ack', { orderId: one.orderId, state: 'saved' });
      expect((await endOf(bench.core, bench.tenant, ada.sessionId)).at).to.be.at.most(
        deadlineAt + QUICK.holdMs,
      );
      const outcomeOf = async (orderId: string, client: TestClient) =>
        await bench.core.orders.receipt(bench.tenant, orderId, client.sessionId);
      const isDone = async ({ orderId }: { orderId: string }): Promise<boolean> =>
        (await bench.core.orders.get(bench.tenant, orderId)).state === 'done';
      await waitUntil(
        async () => (await isDone(one)) && (await isDone(two)),
        'both orders to be done',
        10_000,
      );
      expect(await outcomeOf(one.orderId, ada)).to.include({ outcome: 'clean', verified: true });
      expect(await outcomeOf(two.orderId, grace)).to.include({ outcome: 'forced', verified: true });
      await bench.check();
    }),
  );

  it(
    '[S18] the list leaves endings by policy out unless they are asked for',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.idle('ada');
      const { orderId } = await warned(ada);
      expect((await bench.core.orders.list(bench.tenant, {}, { limit: 10 })).items).to.deep.equal([]);
      const api = new ApiClient(broker.url, await broker.token(bench.tenant, 'root', ['admin']));
      const page = await api.does<Page<Order>>('orders.list', {
        params: { tenant: bench.tenant },
        query: { by: 'policy' },
      });
      const [order, ...others] = page.items;
      expect(others).to.deep.equal([]);
      expect(order).to.deep.include({
        id: orderId,
        reason: 'idle',
        by: { kind: 'policy' },
        state: 'pending',
        target: { sessions: [ada.sessionId] },
      });
    }),
  );

  it(
    '[S18] an administrator may cancel one; the person is warned again after the next input',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.idle('ada');
      const { orderId } = await warned(ada);
      await bench.core.orders.cancel(administrator(bench.tenant), bench.tenant, orderId);
      await ada.saw('warning:cancelled');
      await pass(idleWarnMs + 2_000);
      expect((await bench.session(ada)).state).to.equal('idle');
      await ada.does('heartbeat', { idleMs: 0 });
      rest(ada);
      await ada.saw('warning', (push) => push.orderId !== orderId, 10_000);
      await bench.check();
    }),
  );

  it(
    '[S16] [S1] whoever comes back over another broker finds the warning, and dismisses it there',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const ada = await bench.idle('ada');
      const { orderId } = await warned(ada);
      await ada.drop();
      const back = await other.connect(bench.tenant, 'ada', {
        auth: { resume: ada.resume },
        answersBeats: false,
      });
      expect(back.welcome.orders.map((order) => order.orderId)).to.deep.equal([orderId]);
      await back.does('heartbeat', { idleMs: 0 });
      await back.saw('warning:cancelled', (push) => push.orderId === orderId);
      expect((await bench.session(back)).state).to.equal('active');
    }),
  );

  it(
    '[S16] [K3] the SDK shows the warning and dismisses it for the person',
    parallel(async () => {
      const bench = await PolicyBench.start(broker);
      const client = createClient({ url: broker.url, token: () => broker.token(bench.tenant, 'ada') });
      try {
        await client.connect();
        const warnings = () => client.getSnapshot().warnings;
        await waitUntil(() => warnings().some(isIdle), 'the warning', 10_000);
        expect(client.remainingMs(warnings()[0]?.orderId ?? '')).to.be.within(1, idleWarnMs);
        await client.dismiss();
        await waitUntil(() => warnings().length === 0, 'the warning to be gone');
        await waitUntil(() => warnings().some(isIdle), 'the next warning', 10_000);
        // Any input does as well.
        client.activity();
        await waitUntil(() => warnings().length === 0, 'the warning to be gone');
      } finally {
        client.close();
      }
    }),
  );
});
