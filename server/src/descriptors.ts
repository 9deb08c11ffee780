import { readFileSync } from 'node:fs';

/** Open files that connections leave to Redis, logs and requests of our own. */
const RESERVE = 64;

/**
 * How many connections this process may hold: what the system lets it open, less a reserve, so that a crowd never
 * keeps it from reaching its store. `undefined` where the system does not say.
 */
export function maxConnections(limitsFile = '/proc/self/limits'): number | undefined {
  try {
    const soft = Number(/^Max open files\s+(\d+)/m.exec(readFileSync(limitsFile, 'utf8'))?.[1]);
    return Number.isInteger(soft) ? Math.max(1, soft - RESERVE) : undefined;
  } catch {
    // Not Linux.
    return undefined;
  }
}
