import type { AuditRecord } from '@lastcall/shared';
import { recordIn } from './chain.js';
import { type Folder, fileOf } from './files.js';

/**
 * The archived records of a tenant, oldest first, from the file of a day on. Lines that cannot be read are counted and
 * passed over: only a check can tell what was there.
 */
export async function* archivedRecords(
  folder: Folder,
  from: number | undefined,
  unreadable: (file: string, line: number) => void,
): AsyncGenerator<AuditRecord> {
  const firstFile = from === undefined ? '' : fileOf(from, undefined);
  for (const file of await folder.days()) {
    if (file < firstFile) continue;
    for await (const { number, bytes, isWhole } of folder.lines(file)) {
      const record = recordIn(bytes);
      if (record) yield record;
      else if (isWhole) unreadable(file, number);
    }
  }
}
