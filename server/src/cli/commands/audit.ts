import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AUDIT_TYPES, type AuditRecord } from '@lastcall/shared';
import { busily } from '../busy.js';
import { type Command, CommandError, defineCommand, EXIT, type Option } from '../command.js';
import { formatInstant } from '../durations.js';
import { type ListOptions, printList, WATCH_OPTION } from '../lists.js';
import {
  API_OPTIONS,
  type ApiCommandOptions,
  apiOf,
  DEFAULT_LIMIT,
  instantOption,
  known,
  LIMIT_OPTION,
} from '../options.js';
import { type Column, printMore, printTable } from '../render.js';
import type { Terminal } from '../terminal.js';
import { actorOf, personOf } from '../words.js';
import { verify } from './audit-verify.js';

interface Filter {
  readonly session?: string;
  readonly user?: string;
  readonly type?: string;
  readonly from?: number;
  readonly to?: number;
}
interface ListingOptions extends ApiCommandOptions, ListOptions, Filter {
  readonly limit?: number;
}

/** What else a record tells, as `name=value`. */
function detailsOf({ resource, reason, orderId, details = {} }: AuditRecord): string {
  const facts = Object.entries({ resource, reason, order: orderId, ...details });
  return facts
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}

export const AUDIT_COLUMNS: readonly Column<AuditRecord>[] = [
  { head: 'AT', text: ({ at }) => formatInstant(at), whole: true },
  { head: 'WHAT', text: ({ type }) => type },
  { head: 'WHOSE', text: ({ user }) => (user ? personOf(user) : '') },
  { head: 'BY', text: ({ by }) => actorOf(by) },
  { head: 'DETAILS', text: detailsOf, spare: 1, least: 30 },
  { head: 'SESSION', text: ({ sessionId }) => sessionId ?? '', spare: 2, whole: true },
  { head: 'REV', text: ({ epoch, rev }) => `${epoch}.${rev}`, spare: 3, align: 'right' },
];

const FILTER_OPTIONS: readonly Option[] = [
  { flags: '--session <id>', help: 'Only of this session.' },
  { flags: '--user <id>', help: 'Only of this person.' },
  {
    flags: '--type <type>',
    help: 'Only of this type, such as session.ended.',
    parse: (text) => known(text, [...AUDIT_TYPES], 'a type of record'),
  },
  {
    flags: '--from <instant>',
    help: 'From then on: 2h (ago) or 2031-05-17T08:30:00Z.',
    parse: instantOption,
  },
  { flags: '--to <instant>', help: 'Until before then.', parse: instantOption },
];

const list = defineCommand<ListingOptions>({
  usage: 'audit list',
  summary: 'list what happened, newest first',
  group: 'Look',
  options: [...FILTER_OPTIONS, LIMIT_OPTION, WATCH_OPTION, ...API_OPTIONS],
  more: 'The list reads what Redis keeps; "lastcall audit export" reads the archive too.',
  async run({ terminal, options }) {
    const { session, user, type, from, to, limit = DEFAULT_LIMIT } = options;
    const api = apiOf(terminal, options);
    return await printList(terminal, options, {
      read: (signal) => api.audit({ session, user, type, from, to }, limit, signal),
      show: (shown, { items, next }) => {
        printTable(shown, AUDIT_COLUMNS, items, 'There are no such records.');
        printMore(shown, items.length, next);
      },
    });
  },
});

const MEDIA_TYPES = { csv: 'text/csv', ndjson: 'application/x-ndjson' } as const;
type FormatName = keyof typeof MEDIA_TYPES;
/** What is exported is for the account alone that exports it. */
const PRIVATE_FILE = 0o600;

interface ExportOptions extends ApiCommandOptions, Filter {
  readonly format?: FormatName;
  readonly output?: string;
}

/** The same pieces, with what they come to so far. */
async function* counted(pieces: AsyncGenerator<Uint8Array>, add: (bytes: number) => void) {
  for await (const piece of pieces) {
    add(piece.length);
    yield piece;
  }
}

async function write(
  terminal: Terminal,
  pieces: AsyncGenerator<Uint8Array>,
  path: string | undefined,
): Promise<void> {
  if (path === undefined) {
    await pipeline(Readable.from(pieces), terminal.stdout, { end: false });
    return;
  }
  let bytes = 0;
  const source = counted(pieces, (more) => {
    bytes += more;
  });
  try {
    await busily(
      terminal,
      () => `${(bytes / 1_000_000).toFixed(1)} MB written`,
      () => pipeline(Readable.from(source), createWriteStream(path, { mode: PRIVATE_FILE })),
    );
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : new CommandError(`--output: ${path} cannot be written (${code})`);
  }
}

const exporting = defineCommand<ExportOptions>({
  usage: 'audit export',
  summary: 'write what happened to a file, oldest first, the archive included',
  group: 'Look',
  options: [
    {
      flags: '--format <format>',
      help: 'csv for spreadsheets, ndjson for programs. Default: csv, with --json ndjson.',
      choices: Object.keys(MEDIA_TYPES),
    },
    { flags: '--output <file>', help: 'Where to. Default: standard output.' },
    ...FILTER_OPTIONS,
    ...API_OPTIONS,
  ],
  async run({ terminal, options }) {
    const { session, user, type, from, to, output } = options;
    const format = options.format ?? (options.json ? 'ndjson' : 'csv');
    const pieces = apiOf(terminal, options).exportAudit(
      { session, user, type, from, to },
      MEDIA_TYPES[format],
    );
    await write(terminal, pieces, output);
    return EXIT.ok;
  },
});

export const audit: readonly Command[] = [list, exporting, verify];
