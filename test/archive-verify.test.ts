import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AuditFault, AuditVerdict } from '@lastcall/shared';
import { expect } from 'chai';
import { Keys, lineOf, NO_LINK } from 'lastcall/internal/archive/chain.js';
import { Folder } from 'lastcall/internal/archive/files.js';
import { verifyArchive } from 'lastcall/internal/archive/verify.js';
import type { Place } from 'lastcall/internal/archive/writer.js';
import { ArchiveDir, AUDIT_KEY, DAY, recordOf } from './support/archive.js';
import { Random } from './support/random.js';

const random = new Random();
const DAY_MS = 86_400_000;
/** How many lines, and how many bytes are flipped besides those of three lines; the longer form sets both. */
const LINES = Number(process.env['ARCHIVE_LINES'] ?? 100);
const FLIPS = Number(process.env['ARCHIVE_FLIPS'] ?? 300);

for (const [name, secret] of [
  ['signed', AUDIT_KEY],
  ['without a key', undefined],
] as const) {
  describe(`[A13] a damaged archive, ${name} (SEED=${random.seed})`, function () {
    this.timeout(20_000 + FLIPS * 40);
    const keys = new Keys(secret);
    const tenant = 'acme';
    let dir: ArchiveDir;
    let anchor: Place;
    let pristine: ReadonlyMap<string, Buffer>;
    /** Where each link stands. */
    let lines: { readonly file: string; readonly from: number; readonly to: number }[];

    before(async () => {
      dir = new ArchiveDir();
      const records = Array.from({ length: LINES }, (_, i) =>
        recordOf(i + 1, DAY + Math.floor((i * 3) / LINES) * DAY_MS),
      );
      anchor = await dir.write(tenant, records, keys);
      pristine = new Map(dir.files(tenant).map((file) => [file, readFileSync(dir.file(tenant, file))]));
      lines = [...pristine].flatMap(([file, bytes]) => {
        const found: typeof lines = [];
        for (let from = 0; from < bytes.length; from = bytes.indexOf(10, from) + 1) {
          found.push({ file, from, to: bytes.indexOf(10, from) });
        }
        return found;
      });
    });
    after(() => dir.remove());

    const check = (known: Place | undefined = anchor): Promise<AuditVerdict> =>
      verifyArchive({ folder: new Folder(dir.path, tenant), keys, anchor: known });

    /** Damages a file, checks, and puts it back as it was. */
    async function damaged(file: string, change: (bytes: Buffer) => Buffer | undefined): Promise<AuditFault> {
      const bytes = pristine.get(file) as Buffer;
      const after = change(Buffer.from(bytes));
      if (after) writeFileSync(dir.file(tenant, file), after);
      else rmSync(dir.file(tenant, file));
      const { ok, fault } = await check();
      writeFileSync(dir.file(tenant, file), bytes);
      expect(ok).to.equal(false);
      return fault as AuditFault;
    }

    it('is found whole before anything is done to it', async () => {
      expect(lines).to.have.length(LINES);
      expect(pristine.size).to.equal(3);
      const { seq, epoch, rev } = anchor;
      expect(await check()).to.deep.equal({
        ok: true,
        records: LINES,
        files: 3,
        anchored: true,
        signed: secret !== undefined,
        lost: 0,
        last: { seq, epoch, rev, at: DAY + 2 * DAY_MS },
      });
    });

    it('names the link of any byte that is flipped', async () => {
      const every = [0, Math.floor(LINES / 2), LINES - 1].flatMap((line) => {
        const { from, to } = lines[line] as (typeof lines)[number];
        return Array.from({ length: to - from + 1 }, (_, i) => [line, from + i] as const);
      });
      const some = Array.from({ length: FLIPS }, () => {
        const line = random.within(0, LINES - 1);
        const { from, to } = lines[line] as (typeof lines)[number];
        return [line, random.within(from, to)] as const;
      });
      for (const [line, at] of [...every, ...some]) {
        const bit = 1 << random.within(0, 7);
        const { file } = lines[line] as (typeof lines)[number];
        const fault = await damaged(file, (bytes) => {
          bytes[at] = (bytes[at] as number) ^ bit;
          return bytes;
        });
        expect(fault.seq, `${file} byte ${at}, bit ${bit}: ${fault.message}`).to.equal(line + 1);
      }
    });

    it('names any line that is deleted, and any two that are swapped', async () => {
      for (let line = 0; line < LINES; line += 1) {
        const { file, from, to } = lines[line] as (typeof lines)[number];
        const fault = await damaged(file, (bytes) =>
          Buffer.concat([bytes.subarray(0, from), bytes.subarray(to + 1)]),
        );
        expect(fault.seq).to.equal(line + 1);
        expect(fault.kind).to.equal(line + 1 === LINES ? 'cut' : 'missing');
      }
      for (let pair = 0; pair < LINES; pair += 1) {
        const file = random.pick([...pristine.keys()]);
        const inside = lines.filter((line) => line.file === file);
        const i = random.within(0, inside.length - 2);
        const j = random.within(i + 1, inside.length - 1);
        const [a, b] = [inside[i], inside[j]] as [(typeof lines)[number], (typeof lines)[number]];
        const fault = await damaged(file, (bytes) =>
          Buffer.concat([
            bytes.subarray(0, a.from),
            bytes.subarray(b.from, b.to + 1),
            bytes.subarray(a.to + 1, b.from),
            bytes.subarray(a.from, a.to + 1),
            bytes.subarray(b.to + 1),
          ]),
        );
        expect(fault.seq).to.equal(lines.indexOf(a) + 1);
      }
    });

    it('names where its tail was cut off, and files that are gone', async () => {
      const last = [...pristine.keys()].at(-1) as string;
      const first = lines.findIndex(({ file }) => file === last);
      const { length } = pristine.get(last) as Buffer;
      for (let cut = 0; cut < LINES; cut += 1) {
        const end = random.within(0, length - 1);
        const fault = await damaged(last, (bytes) => bytes.subarray(0, end));
        const left = lines.filter(({ file, to }) => file === last && to < end).length;
        expect(fault).to.include({ kind: 'cut', seq: first + left + 1 });
      }
      for (const file of pristine.keys()) {
        const fault = await damaged(file, () => undefined);
        const seq = lines.findIndex((line) => line.file === file) + 1;
        expect(fault).to.include({ kind: file === last ? 'cut' : 'missing', seq });
      }
    });

    it('names a checkpoint that does not agree, and finds a cut by checkpoints alone', async () => {
      const last = [...pristine.keys()].at(-1) as string;
      const bytes = pristine.get(last) as Buffer;
      rmSync(dir.file(tenant, last));
      const cut = (await verifyArchive({ folder: new Folder(dir.path, tenant), keys })).fault;
      writeFileSync(dir.file(tenant, last), bytes);
      expect(cut).to.include({ kind: 'cut', seq: lines.findIndex(({ file }) => file === last) + 1 });

      const path = dir.file(tenant, 'checkpoints.jsonl');
      const notes = readFileSync(path);
      const flipped = Buffer.from(notes);
      flipped[40] = (flipped[40] as number) ^ 1;
      writeFileSync(path, flipped);
      const fault = (await check()).fault;
      writeFileSync(path, notes);
      expect(fault).to.include({ kind: 'broken', file: 'checkpoints.jsonl', line: 1 });
    });

    it('is not taken in by a chain that was made anew', async () => {
      const forged = new ArchiveDir();
      const records = dir.entries(tenant).map(({ record }) => record);
      await forged.write(tenant, [...records.slice(0, 9), ...records.slice(10)], new Keys(undefined));
      const { fault } = await verifyArchive({ folder: new Folder(forged.path, tenant), keys, anchor });
      forged.remove();
      expect(fault?.kind).to.be.oneOf(['broken', 'cut']);
    });

    it('[A14] lets keys follow each other, and asks for the one that is not known', async () => {
      const other = 'another-key-of-at-least-32-bytes-of-text';
      const later = new ArchiveDir();
      const now = new Keys(secret === undefined ? other : `${other} ${secret}`);
      const records = Array.from({ length: 20 }, (_, i) => recordOf(i + 1));
      await later.write(tenant, records.slice(0, 10), keys);
      await later.write(tenant, records.slice(10), now);
      const folder = new Folder(later.path, tenant);
      expect(await verifyArchive({ folder, keys: now })).to.include({ ok: true, records: 20 });
      const { fault } = await verifyArchive({ folder, keys });
      expect(fault).to.include({ kind: 'broken', seq: 11 });
      expect(fault?.message).to.match(/signed with a key that is not known/);
      // Without its key nobody goes on with a signed chain.
      const tail = later.entries(tenant).at(-1) ?? NO_LINK;
      const { line } = lineOf(recordOf(21), tail, new Keys(undefined));
      const [file = ''] = later.files(tenant);
      writeFileSync(later.file(tenant, file), readFileSync(later.file(tenant, file), 'utf8') + line);
      const unsigned = (await verifyArchive({ folder, keys: now })).fault;
      later.remove();
      expect(unsigned).to.include({ kind: 'broken', seq: 21 });
      expect(unsigned?.message).to.match(/not signed/);
    });
  });
}
