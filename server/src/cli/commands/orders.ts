import type { Order, OrderRequest } from '@lastcall/shared';
import type { Api, OrderPreview } from '../api.js';
import { type Call, defineCommand, EXIT, type ExitCode } from '../command.js';
import { formatDuration } from '../durations.js';
import { follow } from '../follow.js';
import { ensureMeant } from '../meant.js';
import { apiOf, durationOption } from '../options.js';
import { isVerified, printOutcomes, summaryOf } from '../receipts.js';
import { printTable } from '../render.js';
import {
  COMMON_OPTIONS,
  isNarrow,
  MESSAGE_OPTION,
  type OrderOptions,
  requestOf,
  TARGET_OPTIONS,
  WIDE,
} from '../targets.js';
import { oneLine, print, printJson, type Terminal } from '../terminal.js';
import { count, personOf } from '../words.js';
import { MAX_RECEIPTS } from './verify.js';

/** How many people a question names. */
const NAMED = 5;

const DEFAULT_MESSAGE = 'Please save your work: an administrator is about to log you off.';

function peopleOf({ items }: OrderPreview): readonly string[] {
  return [...new Map(items.map(({ user }) => [user.id, personOf(user)])).values()];
}

/** Whom an order hits, in words. A long list is cut off by the broker: then the people in it are fewer than all. */
function describe(preview: OrderPreview): string {
  const people = peopleOf(preview);
  const named = people.slice(0, NAMED).join(', ');
  const more = people.length > NAMED || preview.total > preview.items.length ? ' and more' : '';
  const cut = preview.total > preview.items.length ? 'at least ' : '';
  const who =
    people.length === 0 ? '' : ` of ${cut}${count(people.length, 'person', 'people')}: ${named}${more}`;
  return oneLine(`${count(preview.total, 'session')}${who}`);
}

/** Says who stays although the order is for everybody. */
function printSpared({ stderr }: Terminal, { spared }: Pick<Order, 'spared'>): void {
  if (spared === undefined) return;
  const person = oneLine(personOf(spared));
  print(stderr, `${person} stays, so that an administrator is left; --include-self means everybody.`);
}

function printPreview(terminal: Terminal, preview: OrderPreview): void {
  printTable(
    terminal,
    [
      { head: 'SESSION', text: ({ id }) => id, whole: true },
      { head: 'USER', text: ({ user }) => personOf(user) },
      { head: 'STATE', text: ({ state }) => state },
      {
        head: 'UNSAVED',
        text: ({ dirty }) => (dirty ? 'yes' : ''),
        paint: (colors, text) => colors.yellow(text),
      },
    ],
    preview.items,
    'Nobody would be hit.',
  );
  const more = preview.total - preview.items.length;
  if (more > 0) print(terminal.stderr, `… and ${count(more, 'more session')}.`);
  printSpared(terminal, preview);
  print(terminal.stderr, 'Nothing was done (--dry-run).');
}

/** Makes sure that an order for many is meant; one for few is. */
async function ensureFew(
  api: Api,
  request: OrderRequest,
  { terminal, options }: Call<OrderOptions>,
): Promise<void> {
  if (options.yes || isNarrow(request.target)) return;
  const preview = await api.previewOrder(request);
  const many = peopleOf(preview).length > WIDE || preview.total > preview.items.length;
  if (!many && request.target.all !== true) return;
  const what = `${request.action === 'warn' ? 'This warns' : 'This logs off'} ${describe(preview)}`;
  await ensureMeant(terminal, what, undefined);
}

/** Gives the order, unless it was only a rehearsal. */
async function give(api: Api, request: OrderRequest, call: Call<OrderOptions>): Promise<Order | undefined> {
  const { terminal, options } = call;
  if (!options.dryRun) {
    await ensureFew(api, request, call);
    return api.createOrder(request);
  }
  const preview = await api.previewOrder(request);
  if (options.json) printJson(terminal, preview);
  else printPreview(terminal, preview);
  return undefined;
}

function printGiven(terminal: Terminal, order: Order, words: string): void {
  const { stdout, stderr } = terminal;
  print(stdout, `Order ${order.id}: ${words}`);
  printSpared(terminal, order);
  print(stderr, `Follow it by: lastcall verify ${order.id}`);
}

export const warn = defineCommand<OrderOptions & { readonly message: string }>({
  usage: 'warn',
  summary: 'show people a message',
  group: 'Act',
  options: [
    ...TARGET_OPTIONS,
    { ...MESSAGE_OPTION, required: true },
    {
      flags: '--grace <duration>',
      help: 'How long it is shown. Default: as the policy says.',
      parse: durationOption,
    },
    ...COMMON_OPTIONS,
  ],
  more: 'Example: lastcall warn --all -m "The accounts close at noon."',
  async run(call) {
    const { terminal, options } = call;
    const api = apiOf(terminal, options);
    const order = await give(api, requestOf('warn', options.message, options), call);
    if (order === undefined) return EXIT.ok;
    if (options.json) printJson(terminal, order);
    else printGiven(terminal, order, `${count(order.counts.targeted, 'session')} warned.`);
    return EXIT.ok;
  },
});

async function waitFor(api: Api, order: Order, { terminal, options }: Call<OrderOptions>): Promise<ExitCode> {
  if (!options.json) print(terminal.stderr, `Order ${order.id}`);
  const last = await follow(terminal, api, order, order.deadlineAt - order.createdAt);
  const { items } = await api.receipts(order.id, MAX_RECEIPTS);
  if (options.json) printJson(terminal, { order: last, receipts: items });
  else {
    printOutcomes(terminal, items);
    printSpared(terminal, last);
    print(terminal.stderr, summaryOf(terminal, last));
  }
  return isVerified(last) ? EXIT.ok : EXIT.unverified;
}

export const logoff = defineCommand<OrderOptions & { readonly wait?: true }>({
  usage: 'logoff',
  summary: 'warn people, let them save, log them off, and prove that they are gone',
  group: 'Act',
  options: [
    ...TARGET_OPTIONS,
    { ...MESSAGE_OPTION, help: 'What people read. Default: a request to save.' },
    {
      flags: '--grace <duration>',
      help: 'Time until the logoff. Default: as the policy says.',
      parse: durationOption,
    },
    {
      flags: '--hold <duration>',
      help: 'Further time for who is saving then. Default: as above.',
      parse: durationOption,
    },
    {
      flags: '--deny <duration>',
      help: 'Keep them out for so long. Default: they may come back.',
      parse: durationOption,
    },
    { flags: '--wait', help: 'Wait until every receipt is decided; exit with 0 only if all are verified.' },
    ...COMMON_OPTIONS,
  ],
  more: [
    'Examples:',
    '  lastcall logoff --user ada --grace 5m --wait',
    '  lastcall logoff --idle 2h -m "Your session was forgotten."',
    '  lastcall logoff --user eve --reason security --grace 0 --hold 0 --deny 8h --wait',
    '',
    'Exit codes with --wait: 0 all verified, 3 some are not, 130 interrupted (the order goes on).',
  ].join('\n'),
  async run(call) {
    const { terminal, options } = call;
    const api = apiOf(terminal, options);
    const order = await give(api, requestOf('logoff', options.message ?? DEFAULT_MESSAGE, options), call);
    if (order === undefined) return EXIT.ok;
    if (options.wait) return waitFor(api, order, call);
    const leftMs = order.deadlineAt - order.createdAt;
    const when = leftMs <= 0 ? 'now' : `in ${formatDuration(leftMs)}`;
    if (options.json) printJson(terminal, order);
    else
      printGiven(terminal, order, `${count(order.counts.targeted, 'session')} will be logged off ${when}.`);
    return EXIT.ok;
  },
});
