import type { Order } from '@lastcall/shared';
import { expect } from 'chai';
import type { TestClient } from './support/broker.js';
import { LATE_MS, LONG_MS, sessionsOf, useOrders } from './support/orders.js';
import { waitUntil } from './support/wait.js';

/** Time enough to say something before it is over, also on a slow machine. */
const SOON_MS = 600;

describe('orders: deadline, hold, more time', () => {
  const bench = useOrders();

  /** A client whose order will not come by itself. */
  async function warned(more: Parameters<typeof bench.logoff>[1] = {}): Promise<[TestClient, Order]> {
    const ada = await bench.connect('ada');
    const order = await bench.logoff(sessionsOf(ada), more);
    await ada.saw('warning');
    return [ada, order];
  }

  const ack = (client: TestClient, { id }: Order, state: 'seen' | 'saving' | 'saved') =>
    client.does('order:ack', { orderId: id, state });

  /** When the client's word was in the registry. */
  async function ackedAt(client: TestClient, state: string): Promise<number> {
    const records = await bench.records('order.acked');
    const record = records.find(
      ({ sessionId, details }) => sessionId === client.sessionId && details?.['state'] === state,
    );
    return record?.at ?? Number.NaN;
  }

  describe('the deadline', () => {
    it('[O5] [P1] ends the session with the reason, by the giver, not earlier and hardly later', async () => {
      const [ada, order] = await warned({ graceMs: SOON_MS, reason: 'maintenance', message: 'Leave now.' });
      const push = await ada.saw('logoff');
      expect(push).to.deep.equal({
        orderId: order.id,
        reason: 'maintenance',
        message: 'Leave now.',
        by: { kind: 'admin', id: 'root', name: 'Root' },
      });
      const end = await bench.end(ada);
      expect(end).to.include({ reason: 'maintenance', orderId: order.id, sessionId: ada.sessionId });
      expect(end.by).to.deep.equal(order.by);
      expect(end.at - order.deadlineAt).to.be.within(0, LATE_MS);
      const { state, ended } = await bench.session(ada);
      expect(state).to.equal('ended');
      expect(ended).to.deep.equal({
        reason: 'maintenance',
        by: order.by,
        message: 'Leave now.',
        endedAt: end.at,
        orderId: order.id,
      });
      await waitUntil(() => ada.disconnected, 'the disconnection');
    });

    it('[O5] comes at once without grace', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.until(await bench.logoff({ all: true }, { graceMs: 0 }), 'done');
      expect((await bench.end(ada)).at - order.createdAt).to.be.within(0, LATE_MS);
      expect((await bench.receipt(order, ada)).outcome).to.equal('forced');
    });

    it('[O5] [O11] comes for everybody, also while the order is still finding them', async () => {
      const opened = await bench.open(120);
      const order = await bench.logoff({ all: true }, { graceMs: 0 });
      for (const { attachment } of opened) await bench.end(attachment);
      await Promise.all(opened.map(({ attachment }) => bench.broker.core.sessions.report(attachment, true)));
      expect((await bench.until(order, 'done')).counts).to.include({
        targeted: 120,
        ended: 120,
        verified: 120,
      });
    });

    it('[O5] [O10] of a warning ends nobody', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.until(await bench.warn({ all: true }, { graceMs: SOON_MS }), 'done');
      expect(await bench.records('session.ended')).to.deep.equal([]);
      const [done] = await bench.records('order.done');
      expect((done?.at ?? 0) - order.deadlineAt).to.be.within(0, LATE_MS);
      expect(await ada.heartbeat()).to.include({ ok: true });
      expect((await bench.session(ada)).state).to.equal('active');
    });

    it('[O5] ends a session that is away', async () => {
      const ada = await bench.connect('ada');
      await ada.drop();
      const order = await bench.until(await bench.logoff(sessionsOf(ada), { graceMs: SOON_MS }), 'done');
      expect((await bench.end(ada)).orderId).to.equal(order.id);
    });

    it('[O4] [O5] has passed: who comes while others still save is ended at once', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff({ all: true }, { graceMs: SOON_MS, holdMs: LONG_MS });
      await ack(ada, order, 'saving');
      await bench.until(order, 'closing');
      const late = await bench.connect('late');
      expect(late.welcome.orders.map(({ deadlineMs }) => deadlineMs)).to.deep.equal([0]);
      await late.saw('logoff');
      await ack(ada, order, 'saved');
      await bench.until(order, 'done');
      expect(await bench.hit(order)).to.deep.equal(['ada', 'late']);
    });
  });

  describe('the hold', () => {
    it('[O6] lets a client save past the deadline, and ends the session at its end', async () => {
      const [ada, order] = await warned({ graceMs: SOON_MS, holdMs: 900 });
      const answer = await ack(ada, order, 'saving');
      expect(answer.holdMs).to.be.within(1, 900);
      expect(answer.deadlineMs).to.be.within(answer.holdMs, 900);
      expect((await bench.session(ada)).state).to.equal('saving');
      await bench.until(order, 'closing');
      expect((await bench.session(ada)).state).to.equal('saving');
      const end = await bench.end(ada);
      expect(end.at - (await ackedAt(ada, 'saving'))).to.be.within(900, 900 + LATE_MS);
      expect((await bench.until(order, 'done')).counts).to.include({ saving: 0, saved: 0, ended: 1 });
      expect((await bench.receipt(order, ada)).outcome).to.equal('forced');
    });

    it('[O6] that ends before the deadline shortens nothing', async () => {
      const [ada, order] = await warned({ graceMs: SOON_MS, holdMs: 1 });
      const { deadlineMs } = await ack(ada, order, 'saving');
      expect(deadlineMs).to.be.within(2, SOON_MS);
      expect((await bench.end(ada)).at - order.deadlineAt).to.be.within(0, LATE_MS);
    });

    it('[O6] is taken once for each session and order', async () => {
      const [ada, order] = await warned({ holdMs: 5_000 });
      const first = await ack(ada, order, 'saving');
      const since = await ackedAt(ada, 'saving');
      await ack(ada, order, 'seen');
      const again = await ack(ada, order, 'saving');
      expect(again.holdMs).to.be.at.most(first.holdMs);
      expect(await bench.redis.hGet(bench.key(`session:${ada.sessionId}`), `hold:${order.id}`)).to.equal(
        String(since + 5_000),
      );
      const acks = (await bench.records('order.acked')).filter(
        ({ sessionId }) => sessionId === ada.sessionId,
      );
      expect(acks.map(({ details }) => details?.['state'])).to.deep.equal(['saving']);
      // Another order is another hold.
      const second = await bench.logoff(sessionsOf(ada), { holdMs: 9_000 });
      expect((await ack(ada, second, 'saving')).holdMs).to.be.within(5_001, 9_000);
    });

    it('[O6] is none where the order has none', async () => {
      const [ada, order] = await warned({ graceMs: SOON_MS, holdMs: 0 });
      expect((await ada.saw('warning')).holdable).to.equal(false);
      expect(await ack(ada, order, 'saving')).to.include({ holdMs: 0 });
      expect((await bench.end(ada)).at - order.deadlineAt).to.be.within(0, LATE_MS);
    });

    it('[O6] ends with the order, whatever another order still holds', async () => {
      const [ada, order] = await warned({ holdMs: LONG_MS });
      await ack(ada, order, 'saving');
      const hard = await bench.logoff(sessionsOf(ada), { graceMs: SOON_MS, holdMs: 0 });
      expect((await bench.end(ada)).orderId).to.equal(hard.id);
    });

    it('[A1] a save that failed leaves its reason in the records', async () => {
      const [ada, { id }] = await warned({ holdMs: 5_000 });
      await ada.does('order:ack', { orderId: id, state: 'saving' });
      for (const why of ['The disk is full.', 'The disk is full.', 'No network.']) {
        await ada.does('order:ack', { orderId: id, state: 'saving', why });
      }
      const acks = (await bench.records('order.acked')).filter(
        ({ sessionId }) => sessionId === ada.sessionId,
      );
      expect(acks.map(({ details }) => details?.['why'])).to.deep.equal([
        undefined,
        'The disk is full.',
        'No network.',
      ]);
    });
  });

  describe('saved', () => {
    for (const held of [true, false]) {
      it(`[O7] ends the session at once, as clean, ${held ? 'after a hold' : 'without a hold'}`, async () => {
        const [ada, order] = await warned({ holdMs: LONG_MS });
        if (held) await ack(ada, order, 'saving');
        expect(await ack(ada, order, 'saved')).to.include({ deadlineMs: 0, holdMs: 0 });
        await ada.saw('logoff', ({ orderId }) => orderId === order.id);
        const done = await bench.until(order, 'done');
        expect(done.counts).to.include({ saving: 0, saved: 1, ended: 1, verified: 1 });
        const receipt = await bench.receipt(order, ada);
        expect(receipt).to.include({ state: 'ended', outcome: 'clean', verified: true });
        expect(receipt.savedAt).to.equal(receipt.endedAt);
        expect(receipt.endedAt).to.be.below(order.deadlineAt);
      });
    }

    it('[O7] under a warning is noted, and nothing ends', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.warn({ all: true });
      await ack(ada, order, 'saving');
      expect((await bench.session(ada)).state, 'nothing will end that could wait').to.equal('active');
      expect(await ack(ada, order, 'saved')).to.include({ holdMs: 0 });
      expect((await bench.get(order)).counts).to.include({ saving: 0, saved: 1, ended: 0 });
      expect((await bench.session(ada)).state).to.equal('active');
    });

    it('[O3] is refused for an order that is not over the session, unknown, or over', async () => {
      const [ada, order] = await warned();
      const grace = await bench.connect('grace');
      const refusal = (client: TestClient, orderId: string) =>
        client.refused('order:ack', { orderId, state: 'saved' }).then(({ code }) => code);
      expect(await refusal(grace, order.id)).to.equal('not_found');
      expect(await refusal(ada, '01970000-0000-7000-8000-000000000001')).to.equal('not_found');
      await bench.cancel(order);
      expect(await refusal(ada, order.id)).to.equal('conflict');
      expect((await bench.session(ada)).state).to.equal('active');
    });
  });

  describe('more time', () => {
    const extend = { maxCount: 2, maxTotalMs: 1_000 };

    it('[O14] is given to one session, which is told, and not to the others', async () => {
      const [ada, grace] = await Promise.all([bench.connect('ada'), bench.connect('grace')]);
      const order = await bench.logoff({ all: true }, { graceMs: 1_000, extend });
      const before = await ada.saw('warning');
      const { deadlineMs } = await ada.does('order:extend', { orderId: order.id, ms: 800 });
      expect(deadlineMs).to.be.within(801, 1_800);
      const after = await ada.saw('warning', ({ version }) => version > before.version);
      expect(after.deadlineMs).to.be.within(701, 1_800);
      expect(grace.all('warning').every(({ version }) => version === before.version)).to.equal(true);
      expect((await bench.session(ada)).warned?.deadlineAt).to.equal(order.deadlineAt + 800);
      expect((await bench.end(grace)).at - order.deadlineAt).to.be.within(0, LATE_MS);
      expect((await bench.end(ada)).at - order.deadlineAt).to.be.within(800, 800 + LATE_MS);
    });

    it('[O14] is refused beyond the order’s limits', async () => {
      const [ada, { id, deadlineAt }] = await warned({ extend });
      const refused = (ms: number) =>
        ada.refused('order:extend', { orderId: id, ms }).then(({ code }) => code);
      expect(await refused(1_001), 'too long').to.equal('extension_refused');
      await ada.does('order:extend', { orderId: id, ms: 600 });
      expect(await refused(401), 'too long together').to.equal('extension_refused');
      await ada.does('order:extend', { orderId: id, ms: 300 });
      expect(await refused(1), 'too often').to.equal('extension_refused');
      expect((await bench.session(ada)).warned?.deadlineAt).to.equal(deadlineAt + 900);
      expect((await bench.records('order.extended')).map(({ details }) => details?.['ms'])).to.deep.equal([
        600, 300,
      ]);
    });

    it('[O14] is refused where the order gives none, after the deadline, and to who is not under it', async () => {
      const [ada, none] = await warned();
      const refused = (client: TestClient, { id }: Order) =>
        client.refused('order:extend', { orderId: id, ms: 1 }).then(({ code }) => code);
      expect(await refused(ada, none)).to.equal('extension_refused');
      const grace = await bench.connect('grace');
      expect(await refused(grace, none)).to.equal('not_found');
      const order = await bench.logoff(sessionsOf(grace), { graceMs: SOON_MS, holdMs: LONG_MS, extend });
      await ack(grace, order, 'saving');
      await bench.until(order, 'closing');
      expect(await refused(grace, order)).to.equal('extension_refused');
    });
  });
});
