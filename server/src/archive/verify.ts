import type { AuditFault, AuditVerdict } from '@lastcall/shared';
import {
  type Checkpoint,
  checkpointOf,
  type Entry,
  entryOf,
  type Keys,
  type Link,
  NO_LINK,
} from './chain.js';
import { CHECKPOINTS, type Folder, fileOf, type Line } from './files.js';

export interface Check {
  readonly folder: Folder;
  readonly keys: Keys;
  /** What Redis knew of the archive's end before the check began. */
  readonly anchor?: Link | undefined;
  /** Epoch milliseconds: begins with the file of that day and trusts what its first line follows. */
  readonly from?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a tenant's whole archive and names the first link that is not as it should be. */
export async function verifyArchive(check: Check): Promise<AuditVerdict> {
  // What is compared with is read first: the archive only grows meanwhile.
  const notes = await readCheckpoints(check);
  const firstFile = check.from === undefined ? '' : fileOf(check.from, undefined);
  const files = (await check.folder.days()).filter((file) => file >= firstFile);
  const chain = new Chain(check, notes, files.length);
  for (const file of files) {
    for await (const line of check.folder.lines(file)) {
      check.signal?.throwIfAborted();
      const fault = chain.follow(line, file);
      if (fault) return chain.verdict(fault);
    }
  }
  return chain.verdict(chain.end() ?? notes.fault);
}

interface Notes {
  /** Hashes by link. */
  readonly checkpoints: ReadonlyMap<number, string>;
  /** The last link they tell of. */
  readonly upTo: number;
  readonly fault?: AuditFault;
}

async function readCheckpoints({ folder, keys }: Check): Promise<Notes> {
  const checkpoints = new Map<number, string>();
  let upTo = 0;
  for await (const { number, bytes, isWhole } of folder.lines(CHECKPOINTS)) {
    // Half a line is being written, or a crash left it; the next one takes its place.
    if (!isWhole) break;
    const note: Checkpoint | { readonly fault: string } = checkpointOf(bytes, keys);
    if ('fault' in note) {
      const seq = upTo + 1;
      const message = `A checkpoint after link ${upTo} cannot be trusted: ${note.fault}.`;
      return { checkpoints, upTo, fault: { kind: 'broken', seq, file: CHECKPOINTS, line: number, message } };
    }
    checkpoints.set(note.seq, note.hash);
    upTo = Math.max(upTo, note.seq);
  }
  return { checkpoints, upTo };
}

/** The chain as it is read, link by link. */
class Chain {
  readonly #check: Check;
  readonly #notes: Notes;
  readonly #files: number;
  #link: Link = NO_LINK;
  #last: AuditVerdict['last'];
  #records = 0;
  #lost = 0;
  #isSigned = true;
  #mustBeSigned = false;
  /** Half a line at a file's end: right at the archive's end alone. */
  #half: AuditFault | undefined;

  constructor(check: Check, notes: Notes, files: number) {
    this.#check = check;
    this.#notes = notes;
    this.#files = files;
  }

  follow({ number, bytes, isWhole }: Line, file: string): AuditFault | undefined {
    if (this.#half) return this.#half;
    const seq = this.#link.seq + 1;
    const broken = (why: string): AuditFault => ({
      kind: 'broken',
      seq,
      file,
      line: number,
      message: `Link ${seq} is not what was written: ${why}.`,
    });
    if (!isWhole) {
      this.#half = broken('its line has no end');
      return undefined;
    }
    const entry = entryOf(bytes, this.#check.keys);
    if ('fault' in entry) return broken(entry.fault);
    const isFirst = this.#records === 0 && this.#check.from !== undefined;
    if (!isFirst && entry.seq !== seq) return this.#absent(entry, file, number);
    if (!isFirst && entry.prev !== this.#link.hash)
      return broken('it follows another link than the one before it');
    if (this.#mustBeSigned && entry.key === undefined)
      return broken('it is not signed, and links before it are');
    if (!this.#agrees(entry)) return broken('it is another one than Redis or a checkpoint knows');
    this.#take(entry);
    return undefined;
  }

  /** What is to be said at the end of all files. */
  end(): AuditFault | undefined {
    const { anchor } = this.#check;
    const known = Math.max(anchor?.seq ?? 0, this.#notes.upTo);
    if (this.#link.seq >= known) return undefined;
    const seq = this.#link.seq + 1;
    const by = anchor?.seq === known ? 'Redis knows' : 'a checkpoint tells of';
    return {
      kind: 'cut',
      seq,
      message: `The archive ends before link ${seq}, and ${by} links up to ${known}.`,
    };
  }

  verdict(fault: AuditFault | undefined): AuditVerdict {
    return {
      ok: fault === undefined,
      records: this.#records,
      files: this.#files,
      anchored: this.#check.anchor !== undefined,
      signed: this.#isSigned && this.#records > 0,
      lost: this.#lost,
      ...(this.#last ? { last: this.#last } : {}),
      ...(fault ? { fault } : {}),
    };
  }

  #absent(entry: Entry, file: string, line: number): AuditFault {
    const seq = this.#link.seq + 1;
    if (entry.seq < seq) {
      const message = `Link ${seq} is not what was written: link ${entry.seq} stands there once more.`;
      return { kind: 'broken', seq, file, line, message };
    }
    const what = entry.seq - 1 > seq ? `Links ${seq} to ${entry.seq - 1} are` : `Link ${seq} is`;
    return { kind: 'missing', seq, file, line, message: `${what} missing: link ${entry.seq} stands there.` };
  }

  #agrees({ seq, hash }: Link): boolean {
    const { anchor } = this.#check;
    if (anchor?.seq === seq && anchor.hash !== hash) return false;
    return (this.#notes.checkpoints.get(seq) ?? hash) === hash;
  }

  #take(entry: Entry): void {
    const { epoch, rev, at } = entry.record;
    if (this.#last?.epoch === epoch) this.#lost += Math.max(0, rev - this.#last.rev - 1);
    this.#last = { seq: entry.seq, epoch, rev, at };
    this.#link = { seq: entry.seq, hash: entry.hash };
    this.#records += 1;
    if (entry.key === undefined) this.#isSigned = false;
    else this.#mustBeSigned = true;
  }
}
