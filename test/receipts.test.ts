import type { Order } from '@lastcall/shared';
import { expect } from 'chai';
import type { Attachment } from 'lastcall/internal/attachments.js';
import type { TestClient } from './support/broker.js';
import { sessionsOf, useOrders } from './support/orders.js';
import { waitUntil } from './support/wait.js';

/** After so long without a sign of life a broker counts as dead. */
const NODE_LAPSE_MS = 5_000;
const PROVED = {
  registry: { ok: true },
  sockets: { ok: true },
  locks: { ok: true },
  reentry: { ok: true },
};

describe('receipts', () => {
  const bench = useOrders();

  const now = { graceMs: 0 } as const;

  /** A session whose node is alive and says nothing of its socket. */
  async function silent(): Promise<Attachment & { readonly sessionId: string }> {
    const [opened] = await bench.open(1, () => ({ id: 'silent' }));
    if (!opened) throw new Error('it was not opened');
    return opened.attachment;
  }

  /** Lets the time for reports be over, of which a tenant that rests would not hear. */
  async function lateness({ sessionId }: { readonly sessionId: string }): Promise<void> {
    await bench.redis.zAdd(bench.key('due'), { score: 1, value: `v:${sessionId}` });
    bench.broker.core.sweeper.kick(bench.tenant);
  }

  async function done(order: Order): Promise<Order> {
    return await bench.until(order, 'done');
  }

  describe('what became of a session', () => {
    it('[O9] [O7] clean: it said saved', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff(sessionsOf(ada));
      await ada.does('order:ack', { orderId: order.id, state: 'saved' });
      await done(order);
      const receipt = await bench.receipt(order, ada);
      expect(receipt).to.deep.include({ state: 'ended', outcome: 'clean', verified: true, checks: PROVED });
    });

    it('[O9] [S12] clean: its person signed out under the order', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff(sessionsOf(ada));
      await ada.does('session:end', {});
      await done(order);
      expect(await bench.end(ada))
        .to.include({ reason: 'user' })
        .and.not.to.have.property('orderId');
      const receipt = await bench.receipt(order, ada);
      expect(receipt).to.deep.include({ state: 'ended', outcome: 'clean', verified: true, checks: PROVED });
      expect(receipt).not.to.have.property('savedAt');
    });

    it('[O9] forced: it was ended and its client answered', async () => {
      const ada = await bench.connect('ada');
      const order = await done(await bench.logoff({ all: true }, now));
      expect(await bench.receipt(order, ada)).to.deep.include({
        state: 'ended',
        outcome: 'forced',
        verified: true,
        checks: PROVED,
      });
      await waitUntil(() => ada.disconnected, 'the disconnection');
    });

    it('[O9] fenced: it was ended and its client did not answer', async () => {
      await bench.broker.policy(bench.tenant, { flushMs: 300 });
      const mute = await bench.connect('mute', { acknowledges: false });
      const order = await done(await bench.logoff({ all: true }, now));
      expect(await bench.receipt(order, mute)).to.deep.include({
        outcome: 'fenced',
        verified: true,
        checks: PROVED,
      });
      await waitUntil(() => mute.disconnected, 'it to be cut off');
      const [proof] = await bench.records('session.verified');
      expect((proof?.at ?? 0) - (await bench.end(mute)).at, 'it was waited for').to.be.at.least(290);
    });

    it('[O9] fenced: it was away', async () => {
      const ada = await bench.connect('ada');
      await ada.drop();
      await waitUntil(async () => (await bench.session(ada)).state === 'disconnected', 'it to be away');
      const order = await done(await bench.logoff({ all: true }, now));
      const receipt = await bench.receipt(order, ada);
      expect(receipt).to.deep.include({ outcome: 'fenced', verified: true, checks: PROVED });
      const [proof] = await bench.records('session.verified');
      expect(proof?.at, 'there was nothing to wait for').to.equal(receipt.endedAt);
    });

    it('[O9] [S5] fenced: its lease ran out under the order', async () => {
      const ada = await bench.connect('ada', { answersBeats: false });
      const order = await bench.logoff(sessionsOf(ada));
      await bench.runOut(ada);
      await done(order);
      expect(await bench.end(ada)).to.include({ reason: 'unresponsive' });
      expect(await bench.receipt(order, ada)).to.include({ outcome: 'fenced', verified: true });
    });

    it('[O9] gone: it had ended by another cause', async () => {
      const ada = await bench.connect('ada');
      const order = await bench.logoff(sessionsOf(ada));
      const end = { reason: 'revoked', by: { kind: 'system' } } as const;
      await bench.broker.core.sessions.end(bench.tenant, ada.sessionId, end);
      await done(order);
      expect(await bench.receipt(order, ada)).to.include({ outcome: 'gone', verified: true });
    });

    it('[O9] gone or clean: what was under a warning when it ended', async () => {
      const [ada, grace, linus] = await Promise.all(
        ['ada', 'grace', 'linus'].map((sub) => bench.connect(sub)),
      );
      const order = await bench.warn({ all: true });
      await ada?.does('session:end', {});
      await bench.runOut(grace as TestClient);
      await bench.until(await bench.logoff(sessionsOf(linus as TestClient), now), 'done');
      await waitUntil(async () => (await bench.get(order)).counts.verified === 3, 'three proofs');
      const outcomes = (await bench.receipts(order)).map(({ user, outcome }) => [user.id, outcome]);
      expect(Object.fromEntries(outcomes)).to.deep.equal({ ada: 'clean', grace: 'gone', linus: 'gone' });
      expect((await bench.get(order)).state).to.equal('pending');
    });

    it('[O9] is not changed by what happens when the order is over', async () => {
      const ada = await bench.connect('ada');
      const warning = await done(await bench.warn({ all: true }, now));
      const cancelled = await bench.cancel(await bench.logoff({ all: true }));
      for (const order of [warning, cancelled]) {
        await bench.receiptWhen(order, ada, ({ deliveredAt }) => deliveredAt !== undefined);
      }
      const before = await Promise.all([warning, cancelled].map((order) => bench.receipts(order)));
      await ada.does('session:end', {});
      await bench.end(ada);
      await waitUntil(async () => (await bench.records('session.verified')).length === 1, 'the proof');
      const after = await Promise.all([warning, cancelled].map((order) => bench.receipts(order)));
      expect(after).to.deep.equal(before);
      expect((await bench.get(warning)).counts).to.include({ ended: 0, verified: 0 });
    });
  });

  describe('the proof', () => {
    it('[O9] a node that is alive and silent leaves an end unverified; its late report proves it', async () => {
      const session = await silent();
      const order = await bench.logoff(sessionsOf(session), now);
      await bench.end(session);
      expect((await bench.get(order)).state, 'it is waited for').to.equal('closing');
      await lateness(session);
      const unproved = await done(order);
      expect(unproved.counts).to.include({ ended: 1, verified: 0, unverified: 1 });
      const { nodes } = bench.broker.core;
      expect(await bench.receipt(order, session)).to.deep.include({
        outcome: 'fenced',
        verified: false,
        checks: {
          ...PROVED,
          sockets: { ok: false, detail: `node ${nodes.id} has not closed its socket` },
        },
      });
      for (let time = 0; time < 2; time += 1) await bench.broker.core.sessions.report(session, true);
      expect((await bench.get(order)).counts).to.include({ ended: 1, verified: 1, unverified: 0 });
      expect(await bench.receipt(order, session)).to.deep.include({ verified: true, checks: PROVED });
      for (const type of ['session.unverified', 'session.verified', 'order.done'] as const) {
        expect(await bench.records(type), type).to.have.length(1);
      }
    });

    it('[O9] a report before its time proves the end at once', async () => {
      const session = await silent();
      const order = await bench.logoff(sessionsOf(session), now);
      await bench.end(session);
      await bench.broker.core.sessions.report(session, true);
      expect((await bench.get(order)).state).to.equal('done');
      expect(await bench.receipt(order, session)).to.include({ outcome: 'forced', verified: true });
      await lateness(session);
      await waitUntil(
        async () => (await bench.redis.zScore(bench.key('due'), `v:${session.sessionId}`)) === null,
        'a look',
      );
      expect(await bench.records('session.unverified')).to.have.length(0);
    });

    it('[O9] [P3] a node that is dead holds no socket, and is known to be dead when that is looked at', async () => {
      await bench.broker.policy(bench.tenant, { flushMs: 0 });
      const session = await silent();
      await bench.redis.hSet(bench.key(`session:${session.sessionId}`), 'at:1', 'a-node-that-died');
      const order = await bench.logoff({ all: true }, now);
      const { at } = await bench.end(session);
      const lookAt = await bench.redis.zScore(bench.key('due'), `v:${session.sessionId}`);
      expect(Number(lookAt) - at).to.be.at.least(NODE_LAPSE_MS + 1_000);
      await lateness(session);
      await done(order);
      expect(await bench.receipt(order, session)).to.include({ outcome: 'fenced', verified: true });
    });

    it('[O9] [S3] every socket the session ever had counts', async () => {
      const first = await bench.connect('ada');
      const second = await bench.connect('ada', { auth: { resume: first.resume } });
      await first.saw('superseded');
      // A third one, on a live node that never says that it is closed.
      const { nodes } = bench.broker.core;
      await bench.redis.hSet(bench.key(`session:${first.sessionId}`), 'at:99', nodes.id);
      const order = await bench.logoff({ all: true }, now);
      await second.saw('logoff');
      await waitUntil(() => second.disconnected, 'the disconnection');
      await lateness(first);
      expect((await done(order)).counts).to.include({ verified: 0, unverified: 1 });
    });

    const breakages: readonly [
      check: keyof typeof PROVED,
      what: string,
      breaks: (sid: string) => Promise<unknown>,
    ][] = [
      [
        'registry',
        'is listed among the living',
        (sid) => bench.redis.zAdd(bench.key('sessions'), { score: 1, value: sid }),
      ],
      ['locks', 'holds a lock', (sid) => bench.redis.hSet(bench.key(`held:${sid}`), 'invoices/7', '1')],
      [
        'reentry',
        'has no tombstone that refuses it',
        (sid) => bench.redis.persist(bench.key(`session:${sid}`)),
      ],
      ['reentry', 'may open a new one', () => bench.redis.del(bench.key('blocks:silent'))],
    ];
    for (const [check, what, breaks] of breakages) {
      it(`[O9] [O12] is read back from the registry: an ended session that ${what} is not proved (${check})`, async () => {
        const session = await silent();
        const order = await bench.logoff(sessionsOf(session), { ...now, reentry: { denyMs: 60_000 } });
        await bench.end(session);
        await breaks(session.sessionId);
        await bench.broker.core.sessions.report(session, true);
        expect((await bench.receipt(order, session)).verified, 'there is time left').to.equal(undefined);
        await lateness(session);
        await done(order);
        const { verified, checks = PROVED } = await bench.receipt(order, session);
        const failed = Object.entries(checks).flatMap(([name, { ok }]) => (ok ? [] : name));
        expect({ verified, failed }).to.deep.equal({ verified: false, failed: [check] });
      });
    }

    it('[O9] [L8] no lock is left: it passes on in the instant of the end', async () => {
      const [ada, grace] = await Promise.all([bench.connect('ada'), bench.connect('grace')]);
      await ada.acquire('invoices/7');
      await grace.acquire('invoices/7', 60_000);
      const order = await done(await bench.logoff(sessionsOf(ada), now));
      await grace.saw('lock:granted');
      const { at } = await bench.end(ada);
      const grants = await bench.records('lock.granted');
      expect(grants.at(-1)).to.include({ sessionId: grace.sessionId, at });
      expect((await bench.receipt(order, ada)).checks?.locks).to.deep.equal({ ok: true });
    });

    it('[O9] [O13] one end is proved for every order over the session', async () => {
      const ada = await bench.connect('ada');
      const others = [await bench.warn({ all: true }), await bench.logoff(sessionsOf(ada))];
      const order = await done(await bench.logoff(sessionsOf(ada), now));
      for (const one of [order, ...others]) {
        expect(await bench.receipt(one, ada)).to.deep.include({ verified: true, checks: PROVED });
      }
      expect(await bench.records('session.verified')).to.have.length(1);
    });
  });

  it('[O9] come in pages, in the order in which the sessions were opened', async () => {
    const opened = await bench.open(120);
    const order = await bench.until(await bench.logoff({ all: true }), 'pending');
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await bench.orders.receipts(bench.tenant, order.id, {
        limit: 50,
        ...(cursor ? { cursor } : {}),
      });
      expect(page.items.length).to.be.at.most(50);
      seen.push(...page.items.map(({ sessionId }) => sessionId));
      cursor = page.next;
    } while (cursor !== undefined);
    const listed = await bench.broker.core.sessions.list(bench.tenant, {}, { limit: 200 });
    expect(seen).to.deep.equal(listed.items.map(({ id }) => id));
    expect(seen).to.have.length(opened.length);
    const unknown = bench.orders.receipts(bench.tenant, '01970000-0000-7000-8000-000000000001', { limit: 1 });
    expect(
      await unknown.then(
        () => '',
        ({ code }: { code: string }) => code,
      ),
    ).to.equal('not_found');
  });
});
