import type { Ending, Lock, Order, Receipt, Session } from '@lastcall/shared';
import { defineCommand, EXIT } from '../command.js';
import { formatAgo, formatInstant } from '../durations.js';
import { idArgument } from '../ids.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf } from '../options.js';
import { printChecks } from '../receipts.js';
import { type Column, printPairs, printTable } from '../render.js';
import { print, printJson, type Terminal } from '../terminal.js';
import { actorOf, appOf, deviceOf, personOf } from '../words.js';
import { AUDIT_COLUMNS } from './audit.js';

function endedPairs(ended: Ending): readonly (readonly [string, string | undefined])[] {
  return [
    ['ended', `${formatInstant(ended.endedAt)}: ${ended.reason}, by ${actorOf(ended.by)}`],
    ['message', ended.message],
    ['order', ended.orderId],
  ];
}

function printSession(terminal: Terminal, session: Session, now: number): void {
  const { user, warned, ended } = session;
  const ago = (at: number): string => `${formatAgo(at, now)} ago`;
  printPairs(terminal, [
    ['session', session.id],
    ['user', `${personOf(user)}, ${user.roles.join(', ')}`],
    ['state', session.state],
    ['app', appOf(session.app)],
    ['device', deviceOf(session.device)],
    ['address', session.address],
    ['node', session.node],
    ['opened', `${formatInstant(session.openedAt)} (${ago(session.openedAt)})`],
    ['last beat', ago(session.lastBeatAt)],
    ['last input', ago(session.lastInputAt)],
    ['looks at', session.view],
    ['unsaved work', session.dirty ? 'yes' : 'no'],
    ['to be ended', warned && `${formatInstant(warned.deadlineAt)}, by order ${warned.orderId}`],
    ...(ended ? endedPairs(ended) : []),
  ]);
}

function lockColumns(now: number): readonly Column<Lock>[] {
  return [
    { head: 'LOCK', text: ({ resource }) => resource },
    { head: 'SINCE', text: ({ grantedAt }) => formatAgo(grantedAt, now), align: 'right' },
    { head: 'MODE', text: ({ mode, scope }) => (scope === 'tree' ? `${mode} tree` : mode), spare: 2 },
    { head: 'FENCE', text: ({ fence }) => String(fence), align: 'right', spare: 1, whole: true },
  ];
}

const ORDER_COLUMNS: readonly Column<Order>[] = [
  { head: 'ORDER', text: ({ id }) => id, whole: true },
  { head: 'ACTION', text: ({ action }) => action },
  { head: 'STATE', text: ({ state }) => state },
  { head: 'BY', text: ({ by }) => actorOf(by), spare: 1 },
  { head: 'DEADLINE', text: ({ deadlineAt }) => formatInstant(deadlineAt), spare: 2 },
];

function printList<T>(terminal: Terminal, columns: readonly Column<T>[], rows: readonly T[]): void {
  if (rows.length === 0) return;
  print(terminal.stdout, '');
  printTable(terminal, columns, rows, '');
}

function printReceipt(terminal: Terminal, receipt: Receipt | undefined): void {
  if (receipt === undefined) return;
  print(terminal.stdout, '');
  printChecks(terminal, [receipt]);
}

export const show = defineCommand<ApiCommandOptions>({
  usage: 'show <session>',
  summary: 'show one session, also one that has ended',
  group: 'Look',
  options: API_OPTIONS,
  async run({ terminal, args: [id = ''], options }) {
    const detail = await apiOf(terminal, options).session(idArgument(id, 'session'));
    if (options.json) {
      printJson(terminal, detail);
      return EXIT.ok;
    }
    const now = Date.now();
    printSession(terminal, detail.session, now);
    printList(terminal, lockColumns(now), detail.locks);
    printList(terminal, ORDER_COLUMNS, detail.orders);
    printReceipt(terminal, detail.receipt);
    printList(terminal, AUDIT_COLUMNS, detail.audit);
    return EXIT.ok;
  },
});
