import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Until nothing that waited for a finalizer is left. */
const COLLECTIONS = 4;

/** What a process has used so far. */
export interface Usage {
  readonly cpuUs: number;
  /** When this was read, on the process' own monotonic clock. */
  readonly atMs: number;
  readonly rssBytes: number;
}

export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, atMs: performance.now(), rssBytes: process.memoryUsage.rss() };
}

/** What a process keeps in its heap, after a collection. Needs `--expose-gc`. */
export async function heapBytes(): Promise<number> {
  for (let i = 0; i < COLLECTIONS; i += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage().heapUsed;
}

/** Watches for the longest time the event loop was kept from turning, in milliseconds. */
export function watchLoop(): () => number {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  return () => {
    const longest = delays.max / 1e6;
    delays.reset();
    return longest;
  };
}

/** Percentiles of the event loop's delay since the last look, in milliseconds. */
export function watchDelays(): () => { p50: number; p99: number; max: number } {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  return () => {
    const [p50 = 0, p99 = 0] = [50, 99].map((share) => delays.percentile(share) / 1e6);
    const { max } = delays;
    delays.reset();
    return { p50, p99, max: max / 1e6 };
  };
}
