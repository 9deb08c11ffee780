import type { AuditRecord } from '@lastcall/shared';
import { stringify } from 'csv-stringify/sync';
import type { Streamed } from './call.js';

/** Rows that are put together for one piece of the answer. */
const ROWS = 200;

const COLUMNS: Readonly<Record<string, (record: AuditRecord) => string | number | undefined>> = {
  epoch: ({ epoch }) => epoch,
  rev: ({ rev }) => rev,
  at: ({ at }) => at,
  time: ({ at }) => new Date(at).toISOString(),
  type: ({ type }) => type,
  byKind: ({ by }) => by.kind,
  byId: ({ by }) => by.id,
  byName: ({ by }) => by.name,
  sessionId: ({ sessionId }) => sessionId,
  userId: ({ user }) => user?.id,
  userName: ({ user }) => user?.name,
  orderId: ({ orderId }) => orderId,
  resource: ({ resource }) => resource,
  fence: ({ fence }) => fence,
  reason: ({ reason }) => reason,
  details: ({ details }) => (details === undefined ? undefined : JSON.stringify(details)),
};
const CELLS = Object.values(COLUMNS);

function csvOf(rows: readonly (readonly (string | number | undefined)[])[], isFirst: boolean): string {
  // What a person wrote must not be a formula to the program that opens the file.
  return stringify(
    rows.map((row) => [...row]),
    { escape_formulas: true, record_delimiter: 'windows', bom: isFirst },
  );
}

async function* inGroups(records: AsyncIterable<AuditRecord>): AsyncGenerator<readonly AuditRecord[]> {
  let group: AuditRecord[] = [];
  for await (const record of records) {
    group.push(record);
    if (group.length < ROWS) continue;
    yield group;
    group = [];
  }
  yield group;
}

async function* csvPieces(records: AsyncIterable<AuditRecord>): AsyncGenerator<string> {
  let isFirst = true;
  for await (const group of inGroups(records)) {
    const rows = group.map((record) => CELLS.map((cell) => cell(record)));
    yield csvOf(isFirst ? [Object.keys(COLUMNS), ...rows] : rows, isFirst);
    isFirst = false;
  }
}

async function* ndjsonPieces(records: AsyncIterable<AuditRecord>): AsyncGenerator<string> {
  for await (const group of inGroups(records))
    yield group.map((record) => `${JSON.stringify(record)}\n`).join('');
}

const FORMATS = {
  'text/csv': { type: 'text/csv; charset=utf-8; header=present', ending: 'csv', pieces: csvPieces },
  'application/x-ndjson': {
    type: 'application/x-ndjson; charset=utf-8',
    ending: 'ndjson',
    pieces: ndjsonPieces,
  },
} as const;
export type Format = keyof typeof FORMATS;

/** The form of an export that is asked for by its name; anything else is no export. */
export function formatOf(accept: string | undefined): Format | undefined {
  const wanted = new Set((accept ?? '').split(',').map((part) => part.split(';')[0]?.trim().toLowerCase()));
  return (Object.keys(FORMATS) as Format[]).find((format) => wanted.has(format));
}

/** Records as a file that is written while it is read. */
export function exported(records: AsyncIterable<AuditRecord>, format: Format, tenant: string): Streamed {
  const { type, ending, pieces } = FORMATS[format];
  return {
    status: 200,
    contentType: type,
    headers: { 'Content-Disposition': `attachment; filename="audit-${tenant}.${ending}"` },
    pieces: pieces(records),
  };
}
