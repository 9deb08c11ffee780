import { fstatSync, ftruncateSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of log kept from earlier runs, and the size at which a running log is emptied. */
const KEEP_BYTES = 1 << 20;
const TAIL_BYTES = 8_192;
const FILE_MODE = 0o600;

/** The engine's own log, in the data directory. Its size has a limit; its dates are wrong, which is the engine's. */
export class EngineLog {
  readonly path: string;
  readonly fd: number;

  constructor(dataDir: string) {
    this.path = join(dataDir, 'engine.log');
    const previous = statSync(this.path, { throwIfNoEntry: false });
    if (previous !== undefined && previous.size > KEEP_BYTES) renameSync(this.path, `${this.path}.1`);
    this.fd = openSync(this.path, 'a+', FILE_MODE);
  }

  trim(): void {
    if (fstatSync(this.fd).size > KEEP_BYTES) ftruncateSync(this.fd, 0);
  }

  /** What the engine said about the data file it could not load, since the log had `from` bytes. */
  loadFailure(from: number): string | undefined {
    return this.#warnings(from).find((line) => /RDB|DB from|loading DB/.test(line));
  }

  /** What the engine said about the last save that failed. */
  saveFailure(): string | undefined {
    return this.#warnings(0).findLast((line) => /saving|temp DB file/.test(line));
  }

  #warnings(from: number): string[] {
    const { size } = fstatSync(this.fd);
    const start = Math.max(from, size - TAIL_BYTES);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    readSync(this.fd, bytes, 0, bytes.length, start);
    const lines = bytes.toString('utf8').match(/(?<= # ).*/g) ?? [];
    // Source positions of the engine's own build follow a #.
    return lines.map((line) => line.split(' #')[0]?.trim() ?? line);
  }

  size(): number {
    return fstatSync(this.fd).size;
  }
}
