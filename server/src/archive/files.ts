import { type FileHandle, mkdir, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** What it writes is for its own account alone. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/** A longer line is no record, but damage. */
export const MAX_LINE_BYTES = 4_194_304;
const CHUNK_BYTES = 65_536;
/** How much of a file's end is looked at: more than one step writes, mostly. */
const END_BYTES = 262_144;
const NEW_LINE = 0x0a;

/** The last instant whose year has four digits, in epoch milliseconds. */
const LAST_INSTANT = Date.UTC(10_000, 0, 1) - 1;
const DAY_FILE = /^\d{4}-\d{2}-\d{2}\.jsonl$/;
export const CHECKPOINTS = 'checkpoints.jsonl';

/** A whole line and where it stands; `isWhole: false`: the file ends, or the limit is reached, before the line does. */
export interface Line {
  readonly number: number;
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

/** The last lines of a file, the last one first, and where the next one belongs. */
export interface End {
  readonly lines: readonly Buffer[];
  readonly at: number;
}

/** `undefined` instead of the error for what is not there. */
export async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file of a record: that of its day (UTC), but never one before the last, so that the order of files is that of lines. */
export function fileOf(at: number, last: string | undefined): string {
  const file = `${new Date(Math.min(at, LAST_INSTANT)).toISOString().slice(0, 10)}.jsonl`;
  return last !== undefined && last > file ? last : file;
}

/** The archives that a directory holds, by tenant. */
export async function tenantsIn(root: string): Promise<readonly string[]> {
  const entries = (await ifThere(readdir(root, { withFileTypes: true }))) ?? [];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** A tenant's folder: one file per day, and the checkpoints. The tenant's name is checked before it gets here. */
export class Folder {
  readonly path: string;

  constructor(root: string, tenant: string) {
    this.path = join(root, tenant);
  }

  /** The files of days, oldest first. */
  async days(): Promise<readonly string[]> {
    const names = (await ifThere(readdir(this.path))) ?? [];
    return names.filter((name) => DAY_FILE.test(name)).toSorted();
  }

  /** The lines of a file from its beginning, one after the other; none if there is no such file. */
  async *lines(file: string): AsyncGenerator<Line> {
    const handle = await ifThere(open(join(this.path, file)));
    if (handle === undefined) return;
    try {
      let [number, rest] = [1, Buffer.alloc(0)];
      for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: CHUNK_BYTES })) {
        const bytes = Buffer.concat([rest, chunk as Buffer]);
        let from = 0;
        for (let to = bytes.indexOf(NEW_LINE); to >= 0; to = bytes.indexOf(NEW_LINE, from)) {
          yield { number, bytes: bytes.subarray(from, to), isWhole: true };
          number += 1;
          from = to + 1;
        }
        rest = bytes.subarray(from);
        if (rest.length > MAX_LINE_BYTES) break;
      }
      if (rest.length > 0) yield { number, bytes: rest, isWhole: false };
    } finally {
      await handle.close();
    }
  }

  /** The last whole lines of a file; what a crash or a full disk left half written is not among them. */
  async end(file: string): Promise<End> {
    const handle = await ifThere(open(join(this.path, file)));
    if (handle === undefined) return { lines: [], at: 0 };
    try {
      return await endOf(handle);
    } finally {
      await handle.close();
    }
  }

  /**
   * Puts bytes at a place of a file and resolves when they are on the disk. Whatever stood there, and half a line behind it,
   * is replaced: whoever lost the right to write meanwhile writes the same bytes at the same place.
   */
  async put(file: string, at: number, bytes: Buffer): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: FOLDER_MODE });
    const path = join(this.path, file);
    const known = await ifThere(open(path, 'r+'));
    const handle = known ?? (await open(path, 'wx+', FILE_MODE));
    try {
      await discardHalf(handle, at);
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done);
        done += bytesWritten;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (known === undefined) await this.#syncFolder();
  }

  /** A new file is there after a power failure only when its folder says so. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.path);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** Cuts off half a line after a place; whole lines are another's work, and stay. */
async function discardHalf(handle: FileHandle, at: number): Promise<void> {
  const { size } = await handle.stat();
  if (size > at && (await endOf(handle)).at === at) await handle.truncate(at);
}

async function endOf(handle: FileHandle): Promise<End> {
  const { size } = await handle.stat();
  for (let length = END_BYTES; length <= MAX_LINE_BYTES * 4; length *= 4) {
    const start = Math.max(0, size - length);
    const bytes = Buffer.alloc(size - start);
    await handle.read(bytes, 0, bytes.length, start);
    const last = bytes.lastIndexOf(NEW_LINE);
    const pieces = last < 0 ? [] : splitLines(bytes.subarray(0, last));
    // What the window begins with may be the rest of a longer line.
    const lines = start === 0 ? pieces : pieces.slice(1);
    if (start === 0 || lines.length > 0) return { lines: lines.toReversed(), at: start + last + 1 };
  }
  throw new Error('the file ends with what is no line of the archive');
}

function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  for (let to = bytes.indexOf(NEW_LINE); to >= 0; to = bytes.indexOf(NEW_LINE, from)) {
    lines.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return [...lines, bytes.subarray(from)];
}
