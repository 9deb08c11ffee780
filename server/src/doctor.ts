import type { Config } from './config.js';
import { checkFunctions, checkKeeping, checkRedis, type Finding, type FindingName } from './redis/checks.js';
import { connectRedis, isUnavailable } from './redis/driver.js';

export type { FindingName };

/** A Redis that does not answer by then is a finding, in milliseconds. */
const CONNECT_LIMIT_MS = 3_000;

/** Whether the Redis of a configuration is fit for a broker. The embedded engine is not started: a broker may hold it. */
export async function checkStore({ redisUrl, minReplicas }: Config): Promise<Finding[]> {
  if (redisUrl === undefined)
    return [{ name: 'reach', level: 'ok', message: 'The embedded engine holds all state.' }];
  try {
    const driver = await connectRedis({ url: redisUrl, connectTimeoutMs: CONNECT_LIMIT_MS });
    try {
      const findings = await checkRedis(driver, { minReplicas });
      const isFit = findings.every(({ level }) => level !== 'error');
      return [...findings, ...(isFit ? [await checkFunctions(driver)] : []), ...(await checkKeeping(driver))];
    } finally {
      await driver.close();
    }
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    const remedy = 'Check that Redis runs and can be reached from here, and LASTCALL_REDIS_URL.';
    return [{ name: 'reach', level: 'error', message: (error as Error).message, remedy }];
  }
}
