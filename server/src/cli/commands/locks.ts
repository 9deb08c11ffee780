import type { LockEntry, LockHolder, LockWaiter } from '@lastcall/shared';
import { defineCommand, EXIT } from '../command.js';
import { formatAgo, formatDuration } from '../durations.js';
import { type ListOptions, printList, WATCH_OPTION } from '../lists.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf, DEFAULT_LIMIT, LIMIT_OPTION } from '../options.js';
import { type Column, printMore, printTable } from '../render.js';
import { oneLine, print, printJson } from '../terminal.js';
import { count, personOf } from '../words.js';

interface Options extends ApiCommandOptions, ListOptions {
  readonly prefix?: string;
  readonly session?: string;
  readonly user?: string;
  readonly limit?: number;
}

/** `shared`, or with the word for what is below it: `exclusive tree`. */
const kindOf = ({ mode, scope }: LockHolder): string => (scope === 'tree' ? `${mode} tree` : mode);

/** Who waits, and in what time they take over. */
function waiterText({ user, takesOverAt }: LockWaiter, now: number): string {
  if (takesOverAt === undefined) return personOf(user);
  return `${personOf(user)} (takes over in ${formatDuration(takesOverAt - now)})`;
}

function columnsAt(now: number): readonly Column<LockEntry>[] {
  return [
    { head: 'RESOURCE', text: ({ resource }) => resource },
    { head: 'LOCK', text: ({ holders: [first] }) => (first ? kindOf(first) : ''), spare: 3 },
    { head: 'HOLDER', text: ({ holders }) => holders.map(({ user }) => personOf(user)).join(', ') },
    {
      head: 'SINCE',
      text: ({ holders: [first] }) => (first ? formatAgo(first.grantedAt, now) : ''),
      align: 'right',
    },
    {
      head: 'IDLE',
      text: ({ holders: [first] }) => (first ? formatDuration(first.idleMs) : ''),
      align: 'right',
      spare: 2,
    },
    {
      head: 'UNSAVED',
      text: ({ holders }) => (holders.some(({ dirty }) => dirty) ? 'yes' : ''),
      paint: (colors, text) => colors.yellow(text),
      spare: 3,
    },
    {
      head: 'WAITING',
      text: ({ waiters }) => waiters.map((waiter) => waiterText(waiter, now)).join(', '),
      spare: 1,
    },
    { head: 'SESSION', text: ({ holders: [first] }) => first?.sessionId ?? '', spare: 4, whole: true },
    { head: 'NOTE', text: ({ holders: [first] }) => first?.note ?? '', spare: 5 },
  ];
}

export const locks = defineCommand<Options>({
  usage: 'locks',
  summary: 'list who edits what, and who waits for it',
  group: 'Look',
  options: [
    { flags: '--prefix <text>', help: 'Only resources that begin with it, such as invoices/.' },
    { flags: '--session <id>', help: 'Only held by this session.' },
    { flags: '--user <id>', help: 'Only held by this person.' },
    LIMIT_OPTION,
    WATCH_OPTION,
    ...API_OPTIONS,
  ],
  async run({ terminal, options }) {
    const { prefix, session, user, limit = DEFAULT_LIMIT } = options;
    const api = apiOf(terminal, options);
    return await printList(terminal, options, {
      read: (signal) => api.locks({ prefix, session, user }, limit, signal),
      show: (shown, { items, next }) => {
        printTable(shown, columnsAt(Date.now()), items, 'Nothing is locked that matches.');
        printMore(shown, items.length, next);
        const waiting = items.reduce((sum, { waiters }) => sum + waiters.length, 0);
        if (waiting > 0) print(shown.stderr, `${count(waiting, 'session waits', 'sessions wait')}.`);
      },
    });
  },
});

export const unlock = defineCommand<ApiCommandOptions & { readonly reason?: string }>({
  usage: 'unlock <resource>',
  summary: 'take a lock from its holder at once',
  group: 'Act',
  options: [{ flags: '--reason <text>', help: 'Why; the audit trail keeps it.' }, ...API_OPTIONS],
  more: 'The holder is told at once and keeps what is typed, but cannot save it under this lock.',
  async run({ terminal, args: [resource = ''], options }) {
    const { reason = 'Broken from the command line.' } = options;
    const answer = await apiOf(terminal, options).breakLock(resource, reason);
    if (options.json) printJson(terminal, answer);
    else {
      const name = oneLine(resource);
      print(terminal.stdout, answer.broken ? `${name} is free now.` : `Nobody held ${name}.`);
    }
    return EXIT.ok;
  },
});
