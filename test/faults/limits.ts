import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Limits of processes that run, by `prlimit`: the soft ones, which their account may lift again. */

type Limit = 'nofile' | 'fsize';

/** As it is; nothing where there is no such tool. */
export function limitOf(pid: number, name: Limit): string | undefined {
  const { status, stdout } = spawnSync(
    'prlimit',
    ['--pid', String(pid), `--${name}`, '--output', 'SOFT', '--noheadings', '--raw'],
    { encoding: 'utf8' },
  );
  return status === 0 ? stdout.trim() : undefined;
}

export function setLimit(pid: number, name: Limit, soft: number | string): void {
  spawnSync('prlimit', ['--pid', String(pid), `--${name}=${soft}:`]);
}

/** None of a process that is gone. */
export function openDescriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/** Size of the largest file in a folder and those below it. */
export function largestFile(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Math.max(0, ...files.map(({ parentPath, name }) => statSync(join(parentPath, name)).size));
}
