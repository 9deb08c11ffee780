import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Latency, latencyOf } from './stats.js';

const EVERY_MS = 2;

/** How long another client of a Redis waits for the answer to a `PING`, while `work` is done there. */
export async function pingsDuring(url: string, work: () => Promise<void>): Promise<Latency> {
  const redis = new Redis(url);
  const tookMs: number[] = [];
  const over = new AbortController();
  const ping = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const startedAt = performance.now();
      await redis.ping();
      tookMs.push(performance.now() - startedAt);
      await delay(EVERY_MS);
    }
  };
  await redis.ping();
  const pinging = ping();
  try {
    await work();
  } finally {
    over.abort();
    await pinging;
    redis.disconnect();
  }
  return latencyOf(tookMs);
}
