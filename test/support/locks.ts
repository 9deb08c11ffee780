import { randomUUID } from 'node:crypto';
import type { Lock, LockMode, LockScope, PolicySettings, WireError } from '@lastcall/shared';
import { freshTenant, TestBroker, type TestClient } from './broker.js';

interface Wish {
  readonly mode?: LockMode;
  readonly scope?: LockScope;
}

/** Takes a lock that is to be had at once. */
export async function take(client: TestClient, resource: string, wish: Wish = {}): Promise<Lock> {
  const answer = await client.does('lock:acquire', { resource, ...wish, requestId: randomUUID() });
  if (answer.state !== 'granted') throw new Error(`${resource} was not granted`);
  return answer.lock;
}

/** Asks for a lock that is not to be had at once; answers the request that waits. */
export async function queue(
  client: TestClient,
  resource: string,
  wish: Wish & { readonly waitMs?: number } = {},
): Promise<string> {
  const requestId = randomUUID();
  const answer = await client.does('lock:acquire', { resource, waitMs: 60_000, ...wish, requestId });
  if (answer.state !== 'queued') throw new Error(`${resource} was granted`);
  return requestId;
}

/** Asks a holder for its lock; answers the request that waits. */
export async function takeOver(client: TestClient, resource: string, reason?: string): Promise<string> {
  const requestId = randomUUID();
  const request = { resource, requestId, ...(reason === undefined ? {} : { reason }) };
  const answer = await client.does('lock:takeover', request);
  if (answer.state !== 'asked') throw new Error(`${resource} was granted`);
  return requestId;
}

/** Asks for a lock that is refused. */
export async function refusal(client: TestClient, resource: string, wish: Wish = {}): Promise<WireError> {
  return await client.refused('lock:acquire', { resource, ...wish, requestId: randomUUID() });
}

export async function giveBack(
  client: TestClient,
  { resource, fence }: Pick<Lock, 'resource' | 'fence'>,
): Promise<void> {
  const { released } = await client.does('lock:release', { resource, fence });
  if (!released) throw new Error(`${resource} was not held with ${fence}`);
}

/** The lock that a waiting request got. */
export async function grantOf(client: TestClient, requestId: string): Promise<Lock> {
  return (await client.saw('lock:granted', (push) => push.requestId === requestId)).lock;
}

/** Who waits for a resource, in order. */
export async function waitersOf(client: TestClient, resource: string): Promise<readonly string[]> {
  const { waiters } = await client.does('lock:query', { resource });
  return waiters.map(({ requestId }) => requestId);
}

/** Whether a lock is still what it was. */
export async function isValid(client: TestClient, { resource, fence }: Lock): Promise<boolean> {
  return (await client.does('lock:check', { resource, fence })).valid;
}

/** The wishes that are not the default. */
export const TREE = { scope: 'tree' } as const;
export const SHARED = { mode: 'shared' } as const;

/** Three people of a tenant. */
export interface Three {
  readonly tenant: string;
  readonly ada: TestClient;
  readonly grace: TestClient;
  readonly linus: TestClient;
}

/** A broker for the tests of a suite; each begins with three people in a tenant of its own. */
export function useThree(): {
  readonly broker: TestBroker;
  readonly begin: (settings?: Partial<PolicySettings>) => Promise<Three>;
} {
  let broker: TestBroker;
  before(async () => {
    broker = await TestBroker.start();
  });
  after(() => broker.close());
  return {
    get broker() {
      return broker;
    },
    async begin(settings) {
      const tenant = freshTenant();
      if (settings) await broker.policy(tenant, settings);
      const connect = (name: string): Promise<TestClient> => broker.connect(tenant, name);
      const [ada, grace, linus] = await Promise.all([connect('ada'), connect('grace'), connect('linus')]);
      return { tenant, ada, grace, linus };
    },
  };
}
