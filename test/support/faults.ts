import { randomUUID } from 'node:crypto';
import type { AuditRecord, Session } from '@lastcall/shared';
import { freshTenant, TestBroker, type TestClient } from './broker.js';
import { ClientProcess } from './process.js';
import { ownStore } from './store.js';

/** Leases as short as settings allow. */
export const BRIEF = { beatMs: 1_000, leaseMs: 3_000 } as const;

/** What is cleared away after a test, last things first. */
export class Cleanups {
  readonly #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  async run(): Promise<void> {
    while (this.#steps.length > 0) await this.#steps.pop()?.();
  }
}

/** A test that clears away what it made, whatever happens. */
export function cleaned(run: (cleanups: Cleanups) => Promise<void>): () => Promise<void> {
  return async () => {
    const cleanups = new Cleanups();
    try {
      await run(cleanups);
    } finally {
      await cleanups.run();
    }
  };
}

export async function brokerOn(url: string, cleanups: Cleanups): Promise<TestBroker> {
  const broker = await TestBroker.start({ redisUrl: url });
  cleanups.add(() => broker.close());
  return broker;
}

/** A broker on a store of its own, with a tenant of short leases. */
export async function bench(
  cleanups: Cleanups,
): Promise<{ broker: TestBroker; url: string; tenant: string }> {
  const store = await ownStore();
  cleanups.add(() => store.stop());
  const broker = await brokerOn(store.url, cleanups);
  const tenant = freshTenant();
  await broker.policy(tenant, BRIEF);
  return { broker, url: store.url, tenant };
}

/** An application with the SDK in a process of its own. */
export async function application(
  broker: TestBroker,
  tenant: string,
  sub: string,
  cleanups: Cleanups,
): Promise<ClientProcess> {
  const client = await ClientProcess.start({ url: broker.url, token: await broker.token(tenant, sub) });
  cleanups.add(() => client.kill());
  return client;
}

/** Takes a free lock; answers its fence. */
export async function take(client: TestClient, resource: string): Promise<number> {
  const answer = await client.does('lock:acquire', { resource, requestId: randomUUID() });
  if (answer.state !== 'granted') throw new Error('it was queued');
  return answer.lock.fence;
}

export function sessionOf(
  broker: TestBroker,
  tenant: string,
  { sessionId }: { sessionId: string },
): Promise<Session> {
  return broker.core.sessions.get(tenant, sessionId);
}

export function endsIn(records: readonly AuditRecord[]): readonly AuditRecord[] {
  return records.filter(({ type }) => type === 'session.ended');
}
