import type { AuditRecord } from '@lastcall/shared';
import { expect } from 'chai';
import { isSent } from 'lastcall/internal/webhooks/events.js';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { historyOf } from './support/history.js';
import { BrokerProcess } from './support/process.js';
import { type Behaviour, placesOf, Receiver } from './support/receiver.js';
import { needsRedisServer, type RedisServer, startRedis } from './support/redis.js';
import { waitUntil } from './support/wait.js';

const FAILING_MS = 60_000;
const TENANTS = 20;
/** What the endpoint does, for how long. */
const PHASES: readonly [Behaviour | 'refuse', number][] = [
  [500, 15_000],
  ['silence', 20_000],
  ['hang up', 5_000],
  ['refuse', 20_000],
];

/** The longer form, by `npm run test:webhooks`: takes about two minutes. */
describe('[W2] webhooks to an endpoint that fails for a minute, from brokers that are killed meanwhile', function () {
  this.timeout(300_000);
  const tenants = Array.from({ length: TENANTS }, freshTenant);
  let server: RedisServer;
  let maker: TestBroker;
  let receiver: Receiver;
  let tellers: BrokerProcess[] = [];

  before(async function () {
    needsRedisServer(this, 'webhooks over a minute');
    server = await startRedis();
    receiver = await Receiver.start();
    const options = { redisUrl: server.url, env: receiver.env };
    tellers = await Promise.all([BrokerProcess.start(options), BrokerProcess.start(options)]);
    maker = await TestBroker.start({ redisUrl: server.url });
  });
  after(async () => {
    await Promise.all(tellers.map((teller) => teller.remove()));
    await maker?.close();
    await receiver?.close();
    await server?.stop();
  });

  /** Opens and ends a session in every tenant. */
  async function work(round: number): Promise<void> {
    for (const tenant of tenants) {
      const identity = administrator(tenant, `user-${round}`);
      const { attachment } = await maker.core.sessions.open(identity, { address: '192.0.2.1' });
      await maker.core.sessions.end(tenant, attachment.sessionId, { reason: 'user', by: { kind: 'user' } });
    }
  }

  /** What is to be told of a tenant, once every end is verified or is not. */
  async function allOf(tenant: string): Promise<readonly AuditRecord[]> {
    let records: readonly AuditRecord[] = [];
    const count = (type: string): number => records.filter((record) => record.type.startsWith(type)).length;
    await waitUntil(
      async () => {
        records = (await historyOf(maker.core, tenant)).filter(isSent);
        return count('session.ended') === count('session.verified') + count('session.unverified');
      },
      'all ends to be verified',
      30_000,
    );
    return records;
  }

  async function whileFailing(): Promise<{ rounds: number; kills: number }> {
    let [rounds, kills] = [0, 0];
    for (const [phase, ms] of PHASES) {
      if (phase === 'refuse') await receiver.close();
      else receiver.behaviour = phase;
      const endsAt = performance.now() + ms;
      while (performance.now() < endsAt) {
        await work(rounds);
        rounds += 1;
        const nextAt = performance.now() + 500;
        await waitUntil(() => performance.now() >= nextAt, 'the next round');
      }
      const victim = tellers[kills % tellers.length] as BrokerProcess;
      await victim.kill();
      await victim.start();
      kills += 1;
    }
    return { rounds, kills };
  }

  it('has every event once it is back, each in its place', async () => {
    await work(-1);
    const startedAt = performance.now();
    const { rounds, kills } = await whileFailing();
    expect(performance.now() - startedAt).to.be.at.least(FAILING_MS);
    const failed = receiver.attempts.length - receiver.taken.length;
    receiver.behaviour = 200;
    await receiver.open();
    const backAt = performance.now();

    const expected = new Map<string, readonly AuditRecord[]>();
    for (const tenant of tenants) expected.set(tenant, await allOf(tenant));
    for (const [tenant, records] of expected) await receiver.took(tenant, records.length, 90_000);
    const tookMs = performance.now() - backAt;
    for (const [tenant, records] of expected) {
      const places = placesOf(receiver.events(tenant));
      expect(places).to.deep.equal(records.map(({ epoch, rev }) => epoch * 1_000 + rev));
    }
    expect(receiver.forged).to.equal(0);
    const events = [...expected.values()].reduce((sum, records) => sum + records.length, 0);
    process.stdout.write(
      `      ${events} events of ${TENANTS} tenants, ${rounds} rounds, ${kills} kills, ${failed} failed attempts; ` +
        `all delivered ${(tookMs / 1_000).toFixed(1)} s after it was back, ${receiver.taken.length - events} twice\n`,
    );
  });
});
