import type { AuditRecord } from '@lastcall/shared';
import { checkpointLine, type Entry, entryOf, type Keys, type Link, lineOf, NO_LINK } from './chain.js';
import { CHECKPOINTS, type Folder, fileOf } from './files.js';

/** After so many links the chain's state is noted apart, and with each new file. */
const CHECKPOINT_EVERY = 1_000;
/** A file whose first line a crash took is passed over; more than a few of these are something else. */
const MAX_EMPTY_FILES = 8;

/** How far an archive is: its last link, and the record in it. */
export interface Place extends Link {
  readonly epoch: number;
  readonly rev: number;
  /** The record's instant; 0 where it is not known. */
  readonly at: number;
}

/** What a checkpoint says, to be kept elsewhere too. */
export type Noted = (place: Place) => void;

interface Found {
  readonly place?: Place;
  /** Why the archive does not end as the lease says it does. */
  readonly fault?: string;
}

/** Continues the chain of one tenant from what is really on the disk. */
export class Writer {
  readonly #folder: Folder;
  readonly #keys: Keys;
  readonly #noted: Noted;
  /** The last day's file, if there is one, and where its next line belongs. */
  #file: string | undefined;
  #at: number;
  #place: Place | undefined;
  /** What is missing or was altered, if anything: the chain goes on behind it, and the check will name it. */
  readonly fault: string | undefined;

  private constructor(
    parts: { folder: Folder; keys: Keys; noted: Noted; file?: string; at: number },
    found: Found,
  ) {
    this.#folder = parts.folder;
    this.#keys = parts.keys;
    this.#noted = parts.noted;
    this.#file = parts.file;
    this.#at = parts.at;
    this.#place = found.place;
    this.fault = found.fault;
  }

  /**
   * Reads the end of an archive and compares it with how far the lease says it is. The disk may be ahead, when a broker died
   * between the disk and Redis.
   */
  static async open(
    folder: Folder,
    keys: Keys,
    lease: Place | undefined,
    noted: Noted = () => undefined,
  ): Promise<Writer> {
    const files = (await folder.days()).toReversed();
    const [file] = files;
    let at: number | undefined;
    for (const name of files.slice(0, MAX_EMPTY_FILES)) {
      const end = await folder.end(name);
      at ??= end.at;
      if (end.lines.length === 0) continue;
      return new Writer({ folder, keys, noted, file: file as string, at }, compare(end.lines, keys, lease));
    }
    const found = lease === undefined ? {} : { place: lease, fault: missing(0, lease.seq) };
    return new Writer({ folder, keys, noted, at: at ?? 0, ...(file === undefined ? {} : { file }) }, found);
  }

  /** The last link there is; none: nothing was ever archived. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** Adds records, each after the other; resolves when they are on the disk. */
  async append(records: readonly AuditRecord[]): Promise<void> {
    const before = this.#place?.seq ?? 0;
    const knownFile = this.#file;
    let text = '';
    let place: Place | undefined;
    let last: AuditRecord | undefined;
    for (const record of records) {
      const file = fileOf(record.at, this.#file);
      if (file !== this.#file) {
        await this.#put(text, place);
        text = '';
        this.#file = file;
        this.#at = 0;
      }
      const { line, link } = lineOf(record, place ?? this.#place ?? NO_LINK, this.#keys);
      place = { ...link, epoch: record.epoch, rev: record.rev, at: record.at };
      text += line;
      last = record;
    }
    await this.#put(text, place);
    if (place === undefined || last === undefined) return;
    const isDue = Math.floor(before / CHECKPOINT_EVERY) < Math.floor(place.seq / CHECKPOINT_EVERY);
    if (isDue || this.#file !== knownFile) await this.#note(place, last);
  }

  async #put(text: string, place: Place | undefined): Promise<void> {
    if (text === '' || this.#file === undefined) return;
    const bytes = Buffer.from(text);
    await this.#folder.put(this.#file, this.#at, bytes);
    this.#at += bytes.length;
    this.#place = place;
  }

  async #note(place: Place, record: AuditRecord): Promise<void> {
    const { at } = await this.#folder.end(CHECKPOINTS);
    await this.#folder.put(CHECKPOINTS, at, Buffer.from(checkpointLine(place, record, this.#keys)));
    this.#noted(place);
  }
}

function missing(from: number, to: number): string {
  return `links ${from + 1} to ${to} are missing`;
}

/** Where the chain goes on, given its last lines (the last one first) and what the lease knows. */
function compare(lines: readonly Buffer[], keys: Keys, lease: Place | undefined): Found {
  const altered = (why: string): Found => {
    const place = lease ?? firstIntact(lines, keys);
    if (place === undefined) throw new Error(`the archive's end cannot be read (${why})`);
    return { place, fault: `the archive's end was altered: ${why}` };
  };
  const newest = entryOf(lines[0] as Buffer, keys);
  if ('fault' in newest) return altered(newest.fault);
  const place = placeOf(newest);
  if (lease === undefined) return { place };
  if (newest.seq < lease.seq) return { place: lease, fault: missing(newest.seq, lease.seq) };
  for (const line of lines) {
    const entry = entryOf(line, keys);
    if ('fault' in entry) return altered(entry.fault);
    if (entry.seq < lease.seq) break;
    if (entry.seq === lease.seq)
      return entry.hash === lease.hash ? { place } : altered(`link ${entry.seq} is another one`);
  }
  // Further ahead than what was looked at: Redis came back with much older data. The check reads it all.
  return { place };
}

const placeOf = ({ seq, hash, record: { epoch, rev, at } }: Entry): Place => ({ seq, hash, epoch, rev, at });

function firstIntact(lines: readonly Buffer[], keys: Keys): Place | undefined {
  for (const line of lines) {
    const entry = entryOf(line, keys);
    if (!('fault' in entry)) return placeOf(entry);
  }
  return undefined;
}

/** The last place of an archive, as far as it can be read. */
export async function lastPlace(folder: Folder, keys: Keys): Promise<Place | undefined> {
  return (await Writer.open(folder, keys, undefined)).place;
}
