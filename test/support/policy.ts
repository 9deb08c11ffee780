import type { AuditRecord, Order, PolicySettings, Session } from '@lastcall/shared';
import { expect } from 'chai';
import { freshTenant, type TestBroker, type TestClient } from './broker.js';
import { checkHistoryAtRest, historyOf } from './history.js';
import { endOf, gapsIn } from './lease.js';
import { claims, forge, seconds } from './tokens.js';
import { waitUntil } from './wait.js';

/** Sooner than people would like, so that a test need not wait as long as they do. */
export const QUICK = {
  beatMs: 1_000,
  leaseMs: 6_000,
  idleAfterMs: 2_000,
  idleLogoffMs: 5_000,
  idleWarnMs: 2_000,
  maxAgeMs: 0,
  graceMs: 2_000,
  holdMs: 3_000,
} as const satisfies Partial<PolicySettings>;

/** The promise is 1 s; a time in which nobody swept, as on a machine that is short of it, is recorded. */
const LATE_MS = 1_000;

/** A token made at an instant of the past, in whole seconds as tokens have it. */
export function tokenOf(tenant: string, sub: string, agoMs = 0, expiresInMs = 3_600_000): string {
  const iat = seconds() - Math.ceil(agoMs / 1_000);
  return forge(
    claims({
      sub,
      tenant,
      name: `${sub} by name`,
      roles: ['user'],
      iat,
      exp: seconds() + expiresInMs / 1_000,
    }),
  );
}

/** A tenant of a test of its own, with brief times, so that tests which mostly wait can do so together. */
export class PolicyBench {
  readonly broker: TestBroker;
  readonly tenant = freshTenant();

  constructor(broker: TestBroker) {
    this.broker = broker;
  }

  static async start(broker: TestBroker, settings: Partial<PolicySettings> = {}): Promise<PolicyBench> {
    const bench = new PolicyBench(broker);
    await broker.policy(bench.tenant, { ...QUICK, ...settings });
    return bench;
  }

  get core() {
    return this.broker.core;
  }

  connect(sub: string, options: Parameters<TestBroker['connect']>[2] = {}): Promise<TestClient> {
    return this.broker.connect(this.tenant, sub, options);
  }

  /** A client whose person does nothing from now on. */
  async idle(sub: string, options: Parameters<TestBroker['connect']>[2] = {}): Promise<TestClient> {
    const client = await this.connect(sub, options);
    rest(client);
    return client;
  }

  session({ sessionId }: { readonly sessionId: string }): Promise<Session> {
    return this.core.sessions.get(this.tenant, sessionId);
  }

  async policyOrders(): Promise<readonly Order[]> {
    return (await this.core.orders.list(this.tenant, { by: 'policy' }, { limit: 100 })).items;
  }

  async records(type: AuditRecord['type']): Promise<readonly AuditRecord[]> {
    return (await historyOf(this.core, this.tenant)).filter((record) => record.type === type);
  }

  /** The end of a session, which is to come at an instant, not earlier and at most 1 s later. */
  async endsAt({ sessionId }: TestClient, at: number): Promise<AuditRecord> {
    const end = await endOf(this.core, this.tenant, sessionId, 15_000);
    expect(end.at - at, 'its end').to.be.at.least(0);
    if (!(await this.wasAway())) expect(end.at - at, 'its end').to.be.at.most(LATE_MS);
    return end;
  }

  /** Whether nobody swept for a time. */
  async wasAway(): Promise<boolean> {
    return gapsIn(await historyOf(this.core, this.tenant)).length > 0;
  }

  async check(): Promise<void> {
    await checkHistoryAtRest(this.core, this.tenant);
  }
}

/** The person behind a client does nothing from now on. */
export function rest(client: TestClient): void {
  const since = performance.now();
  Object.defineProperty(client, 'idleMs', {
    configurable: true,
    get: () => Math.round(performance.now() - since),
  });
}

/** Lets a time pass; what is looked at afterwards is what did not happen in it. */
export async function pass(ms: number): Promise<void> {
  const until = performance.now() + ms;
  await waitUntil(() => performance.now() >= until, 'the time to pass', ms + 5_000);
}
