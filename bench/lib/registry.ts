import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_POLICY } from '@lastcall/shared';
import { createLogger } from 'lastcall';
import type { Attachment } from 'lastcall/internal/attachments.js';
import { type Core, createCore } from 'lastcall/internal/core.js';
import { createMetrics } from 'lastcall/internal/metrics.js';
import { connectRedis } from 'lastcall/internal/redis/driver.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The broker's core with no edge and no loop: it runs the scripts it is told to, and nothing else. To other nodes it is
 * one that went away.
 */
export async function openCore(redisUrl: string): Promise<Core> {
  return createCore({
    driver: await connectRedis({ url: redisUrl }),
    log: createLogger({ logLevel: 'warn', production: true, destination: process.stderr }),
    metrics: createMetrics(),
    version: 'bench',
    // Nothing is archived without the loops.
    archive: { dir: join(tmpdir(), 'lastcall-bench-audit'), keys: undefined },
  });
}

/** Gives a tenant leases that outlast what is measured: nobody there sends heartbeats. */
export async function giveLongLeases({ policies }: Core, tenant: string): Promise<void> {
  const { version } = await policies.get(tenant);
  await policies.set(tenant, version, { ...DEFAULT_POLICY, leaseMs: HOUR_MS }, { kind: 'system' });
}

/** Locks so many lines of a record at once. */
export async function lockLines(
  { locks }: Core,
  tenant: string,
  sessionId: string,
  { record, count }: { readonly record: string; readonly count: number },
): Promise<void> {
  const resources = Array.from({ length: count }, (_, n) => ({ resource: `${record}/line/${n}` }));
  await locks.acquireMany(
    tenant,
    { sessionId, attach: 1, mayForce: false },
    { resources, requestId: randomUUID() },
  );
}

/** Opens a session by the script the broker uses. */
export async function openAttachment(core: Core, tenant: string, user: string): Promise<Attachment> {
  const now = Date.now();
  const { attachment } = await core.sessions.open(
    {
      tenant,
      user: { id: user, name: `${user} by name`, roles: ['user'] },
      issuedAt: now,
      expiresAt: now + DAY_MS,
    },
    {
      app: { name: 'ledger', version: '4.2' },
      device: { label: 'Front desk', kind: 'desktop' },
      address: '127.0.0.1',
    },
  );
  return attachment;
}

/** Opens a session, and answers its id. `detached`: its socket is closed again. */
export async function openSession(
  core: Core,
  tenant: string,
  user: string,
  detached: boolean,
): Promise<string> {
  const attachment = await openAttachment(core, tenant, user);
  // What is published of the tenant is of no use here.
  if (detached) await core.sessions.detach(attachment);
  else core.bus.unfollow(tenant);
  return attachment.sessionId;
}
