import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { redisVersion } from './redis-server.js';

/** Where figures were measured. */
export interface Machine {
  readonly processors: string;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly redis: string;
  readonly packages: Readonly<Record<string, string>>;
  /** Load averages of 1, 5 and 15 minutes when the run began. */
  readonly load: readonly number[];
}

const versionOf = (name: string): string => {
  const require = createRequire(import.meta.url);
  return (require(`${name}/package.json`) as { version: string }).version;
};

export function describeMachine(): Machine {
  const all = cpus();
  return {
    processors: `${all.length} × ${all[0]?.model.trim() ?? 'unknown'}`,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: process.version,
    redis: redisVersion() ?? 'none',
    packages: Object.fromEntries(['lastcall', 'socket.io', 'ioredis'].map((name) => [name, versionOf(name)])),
    load: loadavg().map((value) => Math.round(value * 100) / 100),
  };
}

/** Shares of all processor time since the last call that were idle, and that the hypervisor gave to others. */
export function processorWatch(): () => { idle: number; stolen: number } {
  let before = readProcessorTimes();
  return () => {
    const now = readProcessorTimes();
    const since = now.map((ticks, i) => ticks - (before[i] ?? 0));
    before = now;
    const total = since.reduce((sum, ticks) => sum + ticks, 0) || Number.NaN;
    return { idle: (since[3] ?? 0) / total, stolen: (since[7] ?? 0) / total };
  };
}

/** user, nice, system, idle, iowait, irq, softirq, steal – in ticks; empty where there is no /proc. */
function readProcessorTimes(): number[] {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
    return line.split(/\s+/).slice(1, 9).map(Number);
  } catch {
    return [];
  }
}
