import { type Block, type BlockRequest, MAX_MESSAGE_LENGTH } from '@lastcall/shared';
import { defineCommand, EXIT } from '../command.js';
import { formatAgo, formatInstant } from '../durations.js';
import { ID } from '../ids.js';
import { type ListOptions, printList, WATCH_OPTION } from '../lists.js';
import {
  API_OPTIONS,
  type ApiCommandOptions,
  apiOf,
  DEFAULT_LIMIT,
  durationOption,
  instantOption,
  LIMIT_OPTION,
  usageError,
} from '../options.js';
import { type Column, printMore, printTable } from '../render.js';
import { oneLine, print, printJson } from '../terminal.js';
import { actorOf, count } from '../words.js';

function textOption(text: string): string {
  if (text.trim() === '' || text.length > MAX_MESSAGE_LENGTH) {
    throw usageError(`This must be 1 to ${MAX_MESSAGE_LENGTH} characters`);
  }
  return text;
}

/** What a block keeps out. */
function scopeOf({ notBeforeAt }: Block): string {
  return notBeforeAt === undefined ? 'everything' : `tokens before ${formatInstant(notBeforeAt)}`;
}

function columnsAt(now: number): readonly Column<Block>[] {
  return [
    { head: 'USER', text: ({ user }) => user },
    { head: 'KEEPS OUT', text: scopeOf },
    { head: 'UNTIL', text: ({ untilAt }) => (untilAt === undefined ? 'lifted' : formatInstant(untilAt)) },
    { head: 'REASON', text: ({ reason }) => reason, spare: 2 },
    { head: 'BY', text: ({ by }) => actorOf(by), spare: 3 },
    { head: 'SET', text: ({ createdAt }) => formatAgo(createdAt, now), align: 'right', spare: 1 },
    { head: 'BLOCK', text: ({ id }) => id, whole: true },
  ];
}

interface ListingOptions extends ApiCommandOptions, ListOptions {
  readonly user?: string;
  readonly limit?: number;
}

export const blocks = defineCommand<ListingOptions>({
  usage: 'blocks',
  summary: 'list who is kept out',
  group: 'Look',
  options: [
    { flags: '--user <id>', help: 'Only of this person.' },
    LIMIT_OPTION,
    WATCH_OPTION,
    ...API_OPTIONS,
  ],
  async run({ terminal, options }) {
    const { user, limit = DEFAULT_LIMIT } = options;
    const api = apiOf(terminal, options);
    return await printList(terminal, options, {
      read: (signal) => api.blocks({ user }, limit, signal),
      show: (shown, { items, next }) => {
        printTable(shown, columnsAt(Date.now()), items, 'Nobody is kept out who matches.');
        printMore(shown, items.length, next);
      },
    });
  },
});

interface BlockOptions extends ApiCommandOptions {
  readonly for?: number;
  readonly tokensBefore?: number;
  readonly reason?: string;
  readonly message?: string;
}

function requestOf(user: string, options: BlockOptions): BlockRequest {
  const { for: forMs, tokensBefore, message, reason = 'Blocked from the command line.' } = options;
  return {
    user,
    reason,
    ...(forMs !== undefined && { untilAt: Date.now() + forMs }),
    ...(tokensBefore !== undefined && { notBeforeAt: tokensBefore }),
    ...(message !== undefined && { message }),
  };
}

export const block = defineCommand<BlockOptions>({
  usage: 'block <user>',
  summary: 'keep a person out',
  group: 'Act',
  options: [
    { flags: '--for <duration>', help: 'For so long. Default: until it is lifted.', parse: durationOption },
    {
      flags: '--tokens-before <instant>',
      help: 'Only with tokens issued before it: 0s is now.',
      parse: instantOption,
    },
    { flags: '--reason <text>', help: 'Why; the audit trail keeps it.', parse: textOption },
    { flags: '-m, --message <text>', help: 'What the person reads.', parse: textOption },
    ...API_OPTIONS,
  ],
  more: 'Sessions that are open go on; "lastcall logoff --user <user> --reason security" ends them and blocks in one.',
  async run({ terminal, args: [user = ''], options }) {
    const answer = await apiOf(terminal, options).setBlock(requestOf(user, options));
    if (options.json) printJson(terminal, answer);
    else print(terminal.stdout, `${oneLine(user)} is kept out by block ${answer.id}.`);
    return EXIT.ok;
  },
});

export const unblock = defineCommand<ApiCommandOptions>({
  usage: 'unblock <user-or-block>',
  summary: 'let a person in again',
  group: 'Act',
  options: API_OPTIONS,
  more: 'With a user every block of theirs is lifted, those that orders have set included; with the id of a block, that one.',
  async run({ terminal, args: [name = ''], options }) {
    const api = apiOf(terminal, options);
    const ids = ID.test(name)
      ? [name]
      : (await api.blocks({ user: name }, DEFAULT_LIMIT)).items.map(({ id }) => id);
    for (const id of ids) await api.liftBlock(id);
    if (options.json) printJson(terminal, { lifted: ids });
    else if (ids.length === 0) print(terminal.stdout, `Nothing keeps ${oneLine(name)} out.`);
    else print(terminal.stdout, `${count(ids.length, 'block')} lifted.`);
    return EXIT.ok;
  },
});
