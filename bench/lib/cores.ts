import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Which processor each process is tied to; none: they go where the system puts them. */
export interface Cores {
  readonly server?: number;
  readonly load?: number;
  readonly redis?: number;
}

/** The processors this process may use, such as `0-1` or `0,2,4-7`. */
function allowed(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8');
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

const hasTaskset = (): boolean =>
  process.platform === 'linux' && spawnSync('taskset', ['--version']).status === 0;

/**
 * Gives each process a processor of its own. With two of them, `alone` has one to itself: the server, so that its
 * limit is what is measured, or Redis, so that nothing interrupts a script that is timed.
 */
export function assignCores(alone: 'server' | 'redis'): Cores {
  if (availableParallelism() < 2 || !hasTaskset()) return {};
  const [first = 0, second = 1, third] = allowed();
  if (third !== undefined) return { server: first, load: second, redis: third };
  return alone === 'server'
    ? { server: first, load: second, redis: second }
    : { redis: first, server: second, load: second };
}

/** The command that starts a program tied to a processor, and its arguments. */
export function pinned(core: number | undefined, command: readonly string[]): [string, string[]] {
  const [program = '', ...args] = core === undefined ? command : ['taskset', '-c', String(core), ...command];
  return [program, args];
}
