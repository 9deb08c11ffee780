import { randomUUID } from 'node:crypto';
import type { Session } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, TestBroker, type TestClient } from './support/broker.js';
import { historyOf } from './support/history.js';
import { endOf, expectRunOut, lastBeatOf } from './support/lease.js';
import { useParallel } from './support/parallel.js';
import { type Observer, observer, testStore } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const SHORT = { beatMs: 500, leaseMs: 1_500 } as const;

describe('leases', () => {
  let broker: TestBroker;
  let redis: Observer;

  before(async () => {
    broker = await TestBroker.start();
    redis = await observer((await testStore()).url);
  });
  after(async () => {
    redis.destroy();
    await broker.close();
  });
  const parallel = useParallel();

  /** A tenant with short leases. */
  async function briefTenant(): Promise<string> {
    const tenant = freshTenant();
    await broker.policy(tenant, SHORT);
    return tenant;
  }

  const sessionOf = (tenant: string, { sessionId }: TestClient): Promise<Session> =>
    broker.core.sessions.get(tenant, sessionId);
  const leaseKey = (tenant: string, { sessionId }: TestClient): string => `lc:{${tenant}}:lease:${sessionId}`;

  const expectEnd = (tenant: string, { sessionId }: TestClient, lastBeatAt: number) =>
    expectRunOut(broker.core, { ...SHORT, tenant, sessionId, lastBeatAt });

  it(
    '[P1] who never answers a beat ends when the lease of the opening has run out',
    parallel(async () => {
      const tenant = await briefTenant();
      const clients = await Promise.all(
        Array.from({ length: 10 }, (_, i) => broker.connect(tenant, `user-${i}`, { answersBeats: false })),
      );
      await Promise.all(
        clients.map(async (client) => {
          await expectEnd(tenant, client, (await sessionOf(tenant, client)).openedAt);
          expect(await client.saw('logoff')).to.include({ reason: 'unresponsive' });
        }),
      );
    }),
  );

  it(
    '[P1] [S4] who answers beats lives on; who ceases to ends a lease after the last one',
    parallel(async () => {
      const tenant = await briefTenant();
      const [steady, fading] = await Promise.all([
        broker.connect(tenant, 'ada'),
        broker.connect(tenant, 'grace'),
      ]);
      const { openedAt } = await sessionOf(tenant, steady);
      await waitUntil(
        async () => (await sessionOf(tenant, fading)).lastBeatAt > openedAt + 2_000,
        'some beats',
      );
      fading.answersBeats = false;
      await expectEnd(tenant, fading, await lastBeatOf(broker.core, tenant, fading.sessionId));
      const alive = await sessionOf(tenant, steady);
      expect(alive.state).to.equal('active');
      expect(alive.lastBeatAt, 'more than two leases after its opening').to.be.greaterThan(openedAt + 3_000);
    }),
  );

  it(
    '[S5] a session without a socket may be resumed until its lease runs out',
    parallel(async () => {
      const tenant = await briefTenant();
      const [ada, grace] = await Promise.all([
        broker.connect(tenant, 'ada'),
        broker.connect(tenant, 'grace'),
      ]);
      await Promise.all([ada.drop(), grace.drop()]);
      await waitUntil(
        async () => (await sessionOf(tenant, grace)).state === 'disconnected',
        'the disconnection',
      );
      const back = await broker.connect(tenant, 'ada', { auth: { resume: ada.resume } });
      expect(back.welcome.resumed).to.equal(true);
      expect((await sessionOf(tenant, back)).state).to.equal('active');
      const lastBeatAt = Number((await redis.get(leaseKey(tenant, grace)))?.split('|')[2]);
      await expectEnd(tenant, grace, lastBeatAt);
      const refused = await broker.connect(tenant, 'grace', { auth: { resume: grace.resume } });
      expect(refused.error).to.include({ code: 'session_ended', terminal: true });
      expect(refused.error?.ended).to.include({ reason: 'unresponsive' });
      expect((await sessionOf(tenant, back)).state, 'the other one goes on').to.equal('active');
    }),
  );

  it(
    '[S6] a heartbeat that finds no lease revives the session, with its locks and what it says',
    parallel(async () => {
      const tenant = freshTenant();
      const ada = await broker.connect(tenant, 'ada', { answersBeats: false });
      const answer = await ada.does('lock:acquire', { resource: 'invoices/1', requestId: randomUUID() });
      const fence = answer.state === 'granted' ? answer.lock.fence : 0;
      await redis.del(leaseKey(tenant, ada));
      expect(await ada.does('lock:check', { resource: 'invoices/1', fence })).to.include({ valid: false });
      const early = await ada.refused('lock:acquire', { resource: 'invoices/2', requestId: randomUUID() });
      expect(early, 'nothing new before the heartbeat').to.include({ code: 'unavailable' });
      expect(await ada.heartbeat({ dirty: true, view: 'invoices/1' })).to.deep.equal({
        ok: true,
        leaseMs: 60_000,
      });
      expect(await redis.pTTL(leaseKey(tenant, ada))).to.be.within(50_000, 60_000);
      expect(await ada.does('lock:check', { resource: 'invoices/1', fence })).to.include({ valid: true });
      await waitUntil(async () => (await sessionOf(tenant, ada)).view === 'invoices/1', 'its view');
      expect(await sessionOf(tenant, ada)).to.include({ state: 'active', dirty: true, locks: 1 });
      expect(ada.last('logoff')).to.equal(undefined);
    }),
  );

  it(
    '[S6] [L9] a waiter without a lease is passed over, and served when it is revived',
    parallel(async () => {
      const tenant = freshTenant();
      const [ada, grace] = await Promise.all([
        broker.connect(tenant, 'ada'),
        broker.connect(tenant, 'grace', { answersBeats: false }),
      ]);
      const answer = await ada.does('lock:acquire', { resource: 'invoices/1', requestId: randomUUID() });
      const requestId = randomUUID();
      await grace.acquire('invoices/1', 60_000, requestId);
      await redis.del(leaseKey(tenant, grace));
      const fence = answer.state === 'granted' ? answer.lock.fence : 0;
      await ada.does('lock:release', { resource: 'invoices/1', fence });
      expect((await ada.does('lock:query', { resource: 'invoices/1' })).holders).to.have.length(0);
      await grace.heartbeat();
      expect(await grace.saw('lock:granted')).to.deep.include({ requestId });
    }),
  );

  it(
    '[S10] a session without input is idle until there is input',
    parallel(async () => {
      const tenant = freshTenant();
      await broker.policy(tenant, { ...SHORT, leaseMs: 30_000, idleAfterMs: 1_000 });
      const [ada, grace] = await Promise.all([
        broker.connect(tenant, 'ada'),
        broker.connect(tenant, 'grace'),
      ]);
      const { openedAt } = await sessionOf(tenant, ada);
      const become = (client: TestClient, state: string): Promise<void> =>
        waitUntil(async () => (await sessionOf(tenant, client)).state === state, state);
      for (const client of [ada, grace]) client.idleMs = 60_000;
      await Promise.all([become(ada, 'idle'), become(grace, 'idle')]);
      const mark = (await historyOf(broker.core, tenant)).find(
        ({ sessionId, details }) => sessionId === ada.sessionId && details?.['to'] === 'idle',
      );
      expect(mark?.at).to.be.at.least(openedAt + 1_000);
      ada.idleMs = 0;
      grace.idleMs = 0;
      await ada.does('activity', { idleMs: 0 });
      expect((await sessionOf(tenant, ada)).state, 'back at once by `activity`').to.equal('active');
      await become(grace, 'active');
      const back = (await historyOf(broker.core, tenant)).filter(
        ({ details }) => details?.['to'] === 'active',
      );
      expect(back.map(({ by }) => by.kind)).to.deep.equal(['user', 'user']);
    }),
  );

  it(
    '[S14] a session ends when its token does, after a warning; a fresh token prolongs it',
    parallel(async () => {
      const tenant = freshTenant();
      const brief = (sub: string): Promise<string> => broker.token(tenant, sub, ['user'], 3_000);
      const expiryOf = (token: string): number => {
        const { exp } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
          exp: number;
        };
        return exp * 1_000;
      };
      const token = await brief('ada');
      const [ada, grace] = await Promise.all([
        broker.connect(tenant, 'ada', { token }),
        broker.connect(tenant, 'grace', { token: await brief('grace') }),
      ]);
      expect((await ada.saw('auth:expiring')).expiresInMs).to.be.within(0, 3_000);
      await grace.saw('auth:expiring');
      const foreign = await grace.refused('auth:refresh', { token: await broker.token(tenant, 'mallory') });
      expect(foreign.code).to.equal('forbidden');
      const { expiresInMs } = await grace.does('auth:refresh', {
        token: await broker.token(tenant, 'grace'),
      });
      expect(expiresInMs).to.be.within(3_500_000, 3_600_000);
      const end = await endOf(broker.core, tenant, ada.sessionId);
      expect(end.reason).to.equal('token_expired');
      const gap = (await historyOf(broker.core, tenant)).some(({ details }) => details?.['gap']);
      expect(end.at).to.be.within(expiryOf(token), expiryOf(token) + (gap ? 10_000 : 1_000));
      expect(await ada.saw('logoff')).to.include({ reason: 'token_expired' });
      expect((await sessionOf(tenant, grace)).state).to.equal('active');
      expect(await grace.heartbeat()).to.include({ ok: true });
    }),
  );

  it(
    '[S15] every session is asked once in `beatMs`, spread over it',
    parallel(async () => {
      const tenant = freshTenant();
      await broker.policy(tenant, { beatMs: 1_000, leaseMs: 30_000 });
      const clients = await Promise.all(
        Array.from({ length: 40 }, (_, i) => broker.connect(tenant, `user-${i}`, { answersBeats: false })),
      );
      const asked = clients.map((client) => {
        const beats: number[] = [];
        client.socket.on('beat', ({ n }: { n: number }) => void beats.push(n));
        return beats;
      });
      await waitUntil(() => asked.every((beats) => beats.length >= 3), 'three beats each', 10_000);
      const slots = asked.map((beats) => (beats[0] ?? 0) % 20);
      const perSlot = slots.map((slot) => slots.filter((other) => other === slot).length);
      expect(
        perSlot.every((count) => count === 2),
        'two in each twentieth of the time',
      ).to.equal(true);
      const steps = asked.flatMap((beats) => beats.slice(1).map((n, i) => n - (beats[i] ?? 0)));
      // `n` counts twentieths of `beatMs`; a stall of the machine may swallow a beat, never bring one forward.
      expect(steps.every((step) => step >= 20 && step % 20 === 0)).to.equal(true);
      expect(steps.filter((step) => step === 20).length).to.be.greaterThan(steps.length / 2);
    }),
  );
});
