import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditRecord } from '@lastcall/shared';
import { type Entry, type Keys } from 'lastcall/internal/archive/chain.js';
import { Folder } from 'lastcall/internal/archive/files.js';
import type { Place } from 'lastcall/internal/archive/writer.js';
import { Writer } from 'lastcall/internal/archive/writer.js';

export const AUDIT_KEY = 'a key for archives of at least 32 bytes'.replaceAll(' ', '-');
export const DAY = Date.UTC(2031, 4, 17, 12);

/** A record of an archive that no broker wrote. */
export function recordOf(rev: number, at = DAY, more: Partial<AuditRecord> = {}): AuditRecord {
  const user = { id: `user-${rev % 7}`, name: `Pers\u00f6n ${rev % 7}` };
  return { epoch: 1, rev, at, type: 'session.opened', by: { kind: 'user', ...user }, user, ...more };
}

/** A directory of archives of the test's own. */
export class ArchiveDir {
  readonly path = mkdtempSync(join(tmpdir(), 'lastcall-archive-'));

  /** The files of a tenant's days, oldest first. */
  files(tenant: string): string[] {
    try {
      return readdirSync(join(this.path, tenant))
        .filter((name) => /^\d/.test(name))
        .toSorted();
    } catch {
      return [];
    }
  }

  file(tenant: string, name: string): string {
    return join(this.path, tenant, name);
  }

  /** Every whole line of a tenant's archive, in order. */
  entries(tenant: string): Entry[] {
    return this.files(tenant).flatMap((name) =>
      readFileSync(this.file(tenant, name), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Entry),
    );
  }

  places(tenant: string): string[] {
    return this.entries(tenant).map(({ record: { epoch, rev } }) => `${epoch}.${rev}`);
  }

  /** Writes records as the archiver does; answers where the archive ends. */
  async write(tenant: string, records: readonly AuditRecord[], keys: Keys, page = 200): Promise<Place> {
    const folder = new Folder(this.path, tenant);
    let place: Place | undefined;
    for (let from = 0; from < records.length; from += page) {
      const writer = await Writer.open(folder, keys, place);
      await writer.append(records.slice(from, from + page));
      place = writer.place;
    }
    return place as Place;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
