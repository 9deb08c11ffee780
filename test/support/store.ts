import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbedded } from 'lastcall/internal/redis/embedded/index.js';
import { redisServerAvailable, startRedis } from './redis.js';

export interface OwnStore {
  readonly url: string;
  stop(): Promise<void>;
}

/** A store that no other suite's brokers sweep: a redis-server where there is one, else an embedded engine. */
export async function ownStore(): Promise<OwnStore> {
  if (redisServerAvailable()) return await startRedis();
  const dataDir = mkdtempSync(join(tmpdir(), 'lastcall-store-'));
  const engine = await startEmbedded({ dataDir });
  return {
    url: engine.url,
    stop: async () => {
      await engine.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
