import { ORDER_STATES, type Order, type OrderState } from '@lastcall/shared';
import { defineCommand } from '../command.js';
import { formatAgo, formatInstant } from '../durations.js';
import { type ListOptions, printList, WATCH_OPTION } from '../lists.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf, DEFAULT_LIMIT, LIMIT_OPTION } from '../options.js';
import { leftOf } from '../progress.js';
import { type Column, printMore, printTable } from '../render.js';
import { actorOf } from '../words.js';

interface Options extends ApiCommandOptions, ListOptions {
  readonly by?: string;
  readonly state?: OrderState;
  readonly limit?: number;
}

/** How far it is: who is left, or who has got a warning. */
function progressOf({ action, counts }: Order): string {
  if (action === 'warn') return `${counts.seen} of ${counts.targeted} seen`;
  return `${leftOf(counts)}, ${counts.verified} verified`;
}

function columnsAt(now: number): readonly Column<Order>[] {
  return [
    { head: 'ORDER', text: ({ id }) => id, whole: true },
    { head: 'ACTION', text: ({ action }) => action },
    { head: 'STATE', text: ({ state }) => state },
    { head: 'PROGRESS', text: progressOf, least: 20 },
    { head: 'BY', text: ({ by }) => actorOf(by), spare: 1 },
    { head: 'REASON', text: ({ reason }) => reason, spare: 3 },
    { head: 'DEADLINE', text: ({ deadlineAt }) => formatInstant(deadlineAt), spare: 2 },
    { head: 'GIVEN', text: ({ createdAt }) => formatAgo(createdAt, now), align: 'right', spare: 4 },
    { head: 'MESSAGE', text: ({ message }) => message, spare: 5 },
  ];
}

export const orders = defineCommand<Options>({
  usage: 'orders',
  summary: 'list warnings and logoffs, and how far they are',
  group: 'Look',
  options: [
    { flags: '--by <id>', help: 'Only given by this person; "policy" for endings by the settings.' },
    { flags: '--state <state>', help: 'Only in this state.', choices: ORDER_STATES },
    LIMIT_OPTION,
    WATCH_OPTION,
    ...API_OPTIONS,
  ],
  async run({ terminal, options }) {
    const { by, state, limit = DEFAULT_LIMIT } = options;
    const api = apiOf(terminal, options);
    return await printList(terminal, options, {
      read: (signal) => api.orders({ by, state }, limit, signal),
      show: (shown, { items, next }) => {
        printTable(shown, columnsAt(Date.now()), items, 'There are no such orders.');
        printMore(shown, items.length, next);
      },
    });
  },
});
