import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { utimes } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { join } from 'node:path';

/** A lock of another machine is judged by its age alone: its owner touches it more often than this. */
const FOREIGN_STALE_MS = 30_000;
const TOUCH_EVERY_MS = 10_000;
/** A file without content belongs to somebody who is just writing it, or who died doing so. */
const UNWRITTEN_STALE_MS = 5_000;

interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly host: string;
  /** Epoch milliseconds by the owner's clock. */
  readonly lockedAt: number;
}

/** Another live process uses the data directory. */
export class DataDirectoryInUse extends Error {
  override readonly name = 'DataDirectoryInUse';
}

/** Tokens of this process, to tell its own locks from those of an earlier process with the same number. */
const ownTokens = new Set<string>();

/** Keeps two engines from writing the same data: a file that names its owner. */
export class DataLock {
  readonly #path: string;
  readonly #token: string;
  #touchedAt = Date.now();

  /** @throws {DataDirectoryInUse} naming the owner and what to do */
  constructor(dataDir: string) {
    this.#path = join(dataDir, 'engine.lock');
    this.#token = randomUUID();
    if (!this.#write()) {
      this.#removeStale(dataDir);
      if (!this.#write()) throw inUse(dataDir, this.#path, readHolder(this.#path));
    }
    ownTokens.add(this.#token);
  }

  /** Shows other machines that the owner lives. Cheap: call it as often as the engine does. */
  touch(): void {
    const now = Date.now();
    if (now - this.#touchedAt < TOUCH_EVERY_MS) return;
    this.#touchedAt = now;
    // It fails when somebody removed the file by hand: nothing to keep fresh then.
    void utimes(this.#path, now / 1_000, now / 1_000).catch(() => undefined);
  }

  release(): void {
    if (!ownTokens.delete(this.#token)) return;
    if (readHolder(this.#path)?.token === this.#token) rmSync(this.#path, { force: true });
  }

  #write(): boolean {
    const holder: Holder = {
      token: this.#token,
      pid: process.pid,
      host: hostname(),
      lockedAt: Date.now(),
    };
    try {
      writeFileSync(this.#path, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
      return true;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
      throw error;
    }
  }

  #removeStale(dataDir: string): void {
    const holder = readHolder(this.#path);
    if (isLive(holder, ageMs(this.#path))) throw inUse(dataDir, this.#path, holder);
    // Of two processes that find the same stale file, one may already have replaced it: moving it away and
    // looking again shows whose it was.
    const aside = `${this.#path}.${this.#token}`;
    try {
      renameSync(this.#path, aside);
    } catch {
      return;
    }
    const moved = readHolder(aside);
    if (moved?.token === holder?.token) {
      rmSync(aside, { force: true });
      return;
    }
    renameSync(aside, this.#path);
    throw inUse(dataDir, this.#path, moved);
  }
}

function readHolder(path: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(value: unknown): value is Holder {
  if (typeof value !== 'object' || value === null) return false;
  if (!('token' in value && 'pid' in value && 'host' in value && 'lockedAt' in value)) return false;
  return Number.isInteger(value.pid) && typeof value.host === 'string' && typeof value.lockedAt === 'number';
}

function ageMs(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? Number.POSITIVE_INFINITY : Date.now() - stats.mtimeMs;
}

function isLive(holder: Holder | undefined, age: number): boolean {
  if (holder === undefined) return age < UNWRITTEN_STALE_MS;
  if (holder.host !== hostname()) return age < FOREIGN_STALE_MS;
  // Numbers of processes begin anew with the machine; in a container ours may be the one it had before.
  if (holder.lockedAt < Date.now() - uptime() * 1_000) return false;
  if (holder.pid === process.pid) return ownTokens.has(holder.token);
  return isRunning(holder.pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It runs, but belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function inUse(dataDir: string, path: string, holder: Holder | undefined): DataDirectoryInUse {
  const owner = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  return new DataDirectoryInUse(
    `The data directory ${dataDir} is in use by ${owner}. Stop that broker, give this one another directory ` +
      `(LASTCALL_DATA_DIR), or let both share a Redis server (LASTCALL_REDIS_URL). If no such process exists, remove ${path}.`,
  );
}
