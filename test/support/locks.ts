import { randomUUID } from 'node:crypto';
import type { Lock, LockMode, LockScope, WireError } from '@lastcall/shared';
import type { TestBroker, TestClient } from './broker.js';

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

/** Three people in one tenant. */
export async function threeIn(
  broker: TestBroker,
  tenant: string,
): Promise<[ada: TestClient, grace: TestClient, linus: TestClient]> {
  const [ada, grace, linus] = ['ada', 'grace', 'linus'].map((name) => broker.connect(tenant, name)) as [
    Promise<TestClient>,
    Promise<TestClient>,
    Promise<TestClient>,
  ];
  return [await ada, await grace, await linus];
}
