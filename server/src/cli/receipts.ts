import type { Check, Checks, Order, Receipt } from '@lastcall/shared';
import { formatInstant } from './durations.js';
import { type Column, printTable } from './render.js';
import { type Colors, colorsOf, oneLine, print, type Terminal } from './terminal.js';
import { actorOf, count, personOf } from './words.js';

type Mark = 'yes' | 'no' | '…';

function paintMark(colors: Colors, text: string): string {
  if (text === 'yes' || text === 'ok') return colors.green(text);
  return text === 'no' || text === 'FAILED' ? colors.red(text) : colors.dim(text);
}

function verifiedOf({ verified }: Receipt): Mark {
  if (verified === undefined) return '…';
  return verified ? 'yes' : 'no';
}

const USER: Column<Receipt> = { head: 'USER', text: ({ user }) => personOf(user) };
const SESSION: Column<Receipt> = {
  head: 'SESSION',
  text: ({ sessionId }) => sessionId,
  whole: true,
  spare: 1,
};
const VERIFIED: Column<Receipt> = { head: 'VERIFIED', text: verifiedOf, paint: paintMark };
const OUTCOME: Column<Receipt> = { head: 'OUTCOME', text: ({ outcome, state }) => outcome ?? state };

const OUTCOME_COLUMNS: readonly Column<Receipt>[] = [USER, OUTCOME, VERIFIED, SESSION];

function checkMark(check: Check | undefined): string {
  if (check === undefined) return '…';
  return check.ok ? 'ok' : 'FAILED';
}

function checkColumn(head: string, name: keyof Checks): Column<Receipt> {
  return { head, text: ({ checks }) => checkMark(checks?.[name]), paint: paintMark };
}

const CHECK_COLUMNS: readonly Column<Receipt>[] = [
  USER,
  OUTCOME,
  checkColumn('ENDED', 'registry'),
  checkColumn('NO SOCKET', 'sockets'),
  checkColumn('NO LOCK', 'locks'),
  checkColumn('STAYS OUT', 'reentry'),
  VERIFIED,
  SESSION,
];

const WARNING_COLUMNS: readonly Column<Receipt>[] = [
  USER,
  { head: 'DELIVERED', text: ({ deliveredAt }) => (deliveredAt ? formatInstant(deliveredAt) : 'not yet') },
  { head: 'SEEN', text: ({ seenAt }) => (seenAt ? formatInstant(seenAt) : 'not yet') },
  SESSION,
];

const NONE = 'There are no receipts.';

/** Each failed check, and why it failed. */
function printFailures(terminal: Terminal, receipts: readonly Receipt[]): void {
  for (const { user, sessionId, checks } of receipts) {
    for (const [name, { ok, detail }] of Object.entries(checks ?? {}) as [string, Check][]) {
      if (!ok)
        print(terminal.stdout, oneLine(`${personOf(user)}, ${sessionId}: ${name}: ${detail ?? 'failed'}`));
    }
  }
}

/** The receipts with what became of each, and why some are not verified. */
export function printOutcomes(terminal: Terminal, receipts: readonly Receipt[]): void {
  printTable(terminal, OUTCOME_COLUMNS, receipts, NONE);
  printFailures(terminal, receipts);
}

/** The receipts with their four checks. */
export function printChecks(terminal: Terminal, receipts: readonly Receipt[]): void {
  printTable(terminal, CHECK_COLUMNS, receipts, NONE);
  printFailures(terminal, receipts);
}

/** Who has got a warning, and who has seen it. */
export function printWarned(terminal: Terminal, receipts: readonly Receipt[]): void {
  printTable(terminal, WARNING_COLUMNS, receipts, NONE);
}

/** Every target of a logoff is gone, and that is proved. */
export function isVerified({ state, counts }: Order): boolean {
  return state === 'done' && counts.unverified === 0 && counts.verified === counts.targeted;
}

/** One line on an order as a whole. */
export function summaryOf(terminal: Terminal, order: Order): string {
  const { action, state, by, counts } = order;
  const colors = colorsOf(terminal, terminal.stderr);
  if (state === 'cancelled') return colors.yellow('The order was cancelled; who had not left yet may stay.');
  if (action === 'warn') {
    return `${count(counts.targeted, 'session')} warned by ${oneLine(actorOf(by))}: ${counts.delivered} delivered, ${counts.seen} seen.`;
  }
  if (counts.targeted === 0) return 'Nobody was logged in whom the order was for.';
  const text = `${counts.verified} of ${count(counts.targeted, 'session')} verified`;
  if (isVerified(order)) return colors.green(`${text}: they are gone.`);
  const open = counts.targeted - counts.verified - counts.unverified;
  const rest = [
    counts.unverified > 0 ? `${counts.unverified} could not be verified` : '',
    open > 0 ? `${open} not decided yet` : '',
  ].filter(Boolean);
  return colors.red(`${[text, ...rest].join(', ')}.`);
}
