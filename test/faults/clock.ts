import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/sources.js';

/** A wall clock that can be moved while a server runs by it. */
export interface MovableClock {
  /** What the server's environment needs. */
  readonly env: Readonly<Record<string, string>>;
  /** Puts it so many milliseconds ahead of the machine's, or behind. */
  set(offsetMs: number): void;
  remove(): void;
}

/** Nothing where there is no C compiler. */
export function movableClock(): MovableClock | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'lastcall-clock-'));
  const [library, file] = [join(dir, 'clock.so'), join(dir, 'offset')];
  const set = (offsetMs: number): void => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(offsetMs) * 1_000n);
    // The same file, for it is mapped.
    writeFileSync(file, bytes, { flag: 'r+' });
  };
  const built = spawnSync('cc', [
    '-shared',
    '-fPIC',
    '-O1',
    '-o',
    library,
    `${ROOT}test/faults/clock-shim.c`,
    '-ldl',
  ]);
  if (built.status !== 0) {
    rmSync(dir, { recursive: true, force: true });
    return undefined;
  }
  writeFileSync(file, Buffer.alloc(8));
  const remove = (): void => rmSync(dir, { recursive: true, force: true });
  return { env: { LD_PRELOAD: library, CLOCK_FILE: file }, set, remove };
}
