import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Store } from 'lastcall/internal/redis/store.js';

/** Stands in for the node of sessions that have no socket anywhere. */
const NOWHERE = 'nowhere';
const DAY_MS = 24 * 3_600_000;

/** Opens a session by the script the broker uses, without a socket; answers its id. */
export async function openSession(store: Store, tenant: string, user: string): Promise<string> {
  const sessionId = randomUUID();
  const keyHash = createHash('sha256').update(randomBytes(32)).digest('hex');
  const who = {
    uid: user,
    name: `${user} by name`,
    roles: ['user'],
    app: { name: 'ledger', version: '4.2' },
    device: { label: 'Front desk', kind: 'desktop' },
    address: '127.0.0.1',
  };
  const now = Date.now();
  const args = [sessionId, NOWHERE, keyHash, now + DAY_MS, now, JSON.stringify(who)];
  await store.run('session_open', tenant, args);
  return sessionId;
}

/** Acquires a lock by its script. */
export async function acquireLock(store: Store, tenant: string, sessionId: string, resource: string): Promise<void> {
  await store.run('lock_acquire', tenant, [sessionId, resource, 'exclusive', 'record', 0, randomUUID(), '']);
}
