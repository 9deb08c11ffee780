import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from 'lastcall';
import type { Attachment } from 'lastcall/internal/attachments.js';
import { type Core, createCore } from 'lastcall/internal/core.js';
import { createMetrics } from 'lastcall/internal/metrics.js';
import { connectRedis } from 'lastcall/internal/redis/driver.js';

const DAY_MS = 24 * 3_600_000;

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
