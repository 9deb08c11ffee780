import { AUDIT_TYPES, type AuditRecord } from '@lastcall/shared';
import { defineCommand, EXIT } from '../command.js';
import { formatInstant } from '../durations.js';
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
import { printJson } from '../terminal.js';
import { actorOf, personOf } from '../words.js';

interface Options extends ApiCommandOptions {
  readonly session?: string;
  readonly user?: string;
  readonly type?: string;
  readonly from?: number;
  readonly to?: number;
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

export const audit = defineCommand<Options>({
  usage: 'audit',
  summary: 'list what happened, newest first',
  group: 'Look',
  options: [
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
    LIMIT_OPTION,
    ...API_OPTIONS,
  ],
  async run({ terminal, options }) {
    const { session, user, type, from, to, limit = DEFAULT_LIMIT } = options;
    const page = await apiOf(terminal, options).audit({ session, user, type, from, to }, limit);
    if (options.json) {
      printJson(terminal, page);
      return EXIT.ok;
    }
    printTable(terminal, AUDIT_COLUMNS, page.items, 'There are no such records.');
    printMore(terminal, page.items.length, page.next);
    return EXIT.ok;
  },
});
