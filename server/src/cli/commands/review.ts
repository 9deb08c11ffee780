import type { AuditRecord, LockHolder, Review, ReviewCount, StaleUser } from '@lastcall/shared';
import { defineCommand, EXIT } from '../command.js';
import { formatAgo, formatDuration, formatInstant } from '../durations.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf, instantOption } from '../options.js';
import { type Column, printTable } from '../render.js';
import { colorsOf, print, printJson, type Terminal } from '../terminal.js';
import { actorOf, count, personOf } from '../words.js';

interface Options extends ApiCommandOptions {
  readonly since?: number;
}

function staleColumns(now: number): readonly Column<StaleUser>[] {
  return [
    { head: 'USER', text: ({ user }) => personOf(user) },
    { head: 'NO INPUT FOR', text: ({ lastInputAt }) => formatAgo(lastInputAt, now), align: 'right' },
    { head: 'SESSIONS', text: ({ sessions }) => String(sessions), align: 'right' },
  ];
}

function lockColumns(now: number): readonly Column<LockHolder>[] {
  return [
    { head: 'RESOURCE', text: ({ resource }) => resource, whole: true },
    { head: 'HELD BY', text: ({ user }) => personOf(user) },
    { head: 'FOR', text: ({ grantedAt }) => formatAgo(grantedAt, now), align: 'right' },
    { head: 'IDLE', text: ({ idleMs }) => formatDuration(idleMs), align: 'right' },
  ];
}

const COUNT_COLUMNS: readonly Column<ReviewCount>[] = [
  { head: 'USER', text: ({ user }) => personOf(user) },
  { head: 'TIMES', text: ({ times }) => String(times), align: 'right' },
  { head: 'LAST', text: ({ lastAt }) => formatInstant(lastAt), whole: true },
  {
    head: 'WHY',
    text: ({ reasons }) =>
      Object.entries(reasons)
        .map(([reason, times]) => `${reason} ${times}`)
        .join(', '),
  },
];

/** `graceMs 60000 → 30000` for each setting a record says was changed. */
function changesOf({ details = {} }: AuditRecord): string {
  const changed = (details['changed'] ?? {}) as Readonly<
    Record<string, { before?: unknown; after?: unknown }>
  >;
  return Object.entries(changed)
    .map(([name, { before, after }]) => `${name} ${String(before)} → ${String(after)}`)
    .join(', ');
}

const CHANGE_COLUMNS: readonly Column<AuditRecord>[] = [
  { head: 'AT', text: ({ at }) => formatInstant(at), whole: true },
  { head: 'BY', text: ({ by }) => actorOf(by) },
  { head: 'CHANGED', text: changesOf, least: 30 },
];

/** What a reader has to know before believing that there is nothing more. */
function printLimits(terminal: Terminal, review: Review): void {
  if (review.complete) return;
  const { yellow } = colorsOf(terminal, terminal.stderr);
  const { sessions, locks, from, since } = review;
  const parts = [
    from > since ? `the trail from ${formatInstant(from)} on` : '',
    sessions.looked < sessions.total ? `${sessions.looked} of ${count(sessions.total, 'session')}` : '',
    locks.looked < locks.total ? `${locks.looked} of ${count(locks.total, 'locked resource')}` : '',
  ].filter(Boolean);
  print(terminal.stderr, yellow(`This is not everything: looked at ${parts.join(', ')}.`));
}

function printReview(terminal: Terminal, review: Review): void {
  const { bold } = colorsOf(terminal, terminal.stdout);
  const { policy, sessions, locks, since, at } = review;
  function part<T>(head: string, columns: readonly Column<T>[], rows: readonly T[]): void {
    print(terminal.stdout, '', bold(head));
    if (rows.length === 0) print(terminal.stdout, 'None.');
    else printTable(terminal, columns, rows, '');
  }
  const state = `${count(sessions.total, 'session')}, ${count(locks.total, 'locked resource')}`;
  print(terminal.stdout, bold(`Review from ${formatInstant(since)} to ${formatInstant(at)}`), state);
  part('Signed in, without input', staleColumns(at), review.staleUsers);
  part('Longest locks', lockColumns(at), review.longestLocks);
  part('Most often logged off without saying that the work was saved', COUNT_COLUMNS, review.mostForced);
  part('Most often gone without signing out', COUNT_COLUMNS, review.withoutLogoff);
  const preset = policy.preset === undefined ? 'no preset' : `the preset ${policy.preset}`;
  part(`Settings: version ${policy.version}, ${preset}; changed since`, CHANGE_COLUMNS, policy.changes);
  printLimits(terminal, review);
}

export const review = defineCommand<Options>({
  usage: 'review',
  summary: 'what to look at from time to time: stale users, long locks, forced logoffs, changed settings',
  group: 'Look',
  options: [
    {
      flags: '--since <instant>',
      help: 'From then on: 90d (ago) or 2031-05-17. Default: 30d.',
      parse: instantOption,
    },
    ...API_OPTIONS,
  ],
  async run({ terminal, options }) {
    const answer = await apiOf(terminal, options).review({ since: options.since });
    if (options.json) printJson(terminal, answer);
    else printReview(terminal, answer);
    return EXIT.ok;
  },
});
