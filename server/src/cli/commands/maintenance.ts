import type { Maintenance, MaintenanceRequest } from '@lastcall/shared';
import { type Call, type Command, defineCommand, EXIT, type ExitCode } from '../command.js';
import { formatDuration, formatInstant, parseDuration } from '../durations.js';
import { followWindow } from '../follow.js';
import { type ListOptions, printList, WATCH_OPTION } from '../lists.js';
import { ensureMeant } from '../meant.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf, durationOption, usageError } from '../options.js';
import { leftOf } from '../progress.js';
import { MESSAGE_OPTION } from '../targets.js';
import { oneLine, print, printJson, type Terminal } from '../terminal.js';
import { actorOf, count } from '../words.js';

const DEFAULT_MESSAGE = 'The application is about to close for maintenance. Please save your work.';

/** An instant to come: a date that JavaScript reads, or how long from now by this machine's clock. */
function comingOption(text: string): number {
  const inMs = /^\d+$/.test(text) ? undefined : parseDuration(text);
  const at = inMs === undefined ? Date.parse(text) : Date.now() + inMs;
  if (Number.isNaN(at) || at < 0) {
    throw usageError(
      `"${text}" is not an instant: write 2h (from now), 2031-05-17T22:00 or 2031-05-17T20:00:00Z`,
    );
  }
  return at;
}

/** `22:00, in 5m`, or how long ago it was. */
function whenOf(at: number, now: number): string {
  const when = at > now ? `in ${formatDuration(at - now)}` : `${formatDuration(now - at)} ago`;
  return `${formatInstant(at)}, ${when}`;
}

function linesOf(window: Maintenance, now: number): readonly string[] {
  const { state, action, message, startsAt, untilAt, admissionStopsAt, bypassRoles, counts, orderId } =
    window;
  const isReal = action === 'logoff';
  const isOpen = admissionStopsAt > now;
  return [
    `${isReal ? 'Maintenance' : 'Rehearsal of maintenance'}: ${state}, by ${actorOf(window.by)}`,
    `Message:    ${message}`,
    `Start:      ${whenOf(startsAt, now)}`,
    `End:        ${untilAt === undefined ? 'when it is lifted' : whenOf(untilAt, now)}`,
    ...(isReal ? [`Admission:  ${isOpen ? `closes ${whenOf(admissionStopsAt, now)}` : 'closed'}`] : []),
    `Spared:     ${bypassRoles.join(', ') || 'nobody'}`,
    ...(orderId ? [`Order:      ${orderId}`] : []),
    ...(counts && isReal ? [`Sessions:   ${leftOf(counts)} · ${counts.verified} verified`] : []),
    ...(counts && !isReal ? [`Sessions:   ${count(counts.targeted, 'session')} warned`] : []),
  ].map(oneLine);
}

/** Everybody is out, and that is proved. */
function isProved({ state, counts }: Maintenance): boolean {
  return state === 'closed' && counts?.unverified === 0 && counts.verified === counts.targeted;
}

const show: Command = defineCommand<ApiCommandOptions & ListOptions>({
  usage: 'maintenance show',
  summary: 'show the maintenance window and who is not out yet',
  group: 'Act',
  options: [WATCH_OPTION, ...API_OPTIONS],
  async run({ terminal, options }) {
    const api = apiOf(terminal, options);
    return await printList(terminal, options, {
      read: (signal) => api.maintenance(signal),
      show: ({ stdout }, window) =>
        print(stdout, ...(window ? linesOf(window, Date.now()) : ['No maintenance is planned.'])),
    });
  },
});

interface StartOptions extends ApiCommandOptions {
  readonly in?: number;
  readonly at?: number;
  readonly until?: number;
  readonly message?: string;
  readonly hold?: number;
  readonly stop?: number;
  readonly spare?: readonly string[];
  readonly rehearse?: true;
  readonly yes?: true;
  readonly wait?: true;
}

function requestOf(options: StartOptions): MaintenanceRequest {
  const { in: inMs, at, until, message = DEFAULT_MESSAGE, hold, stop, spare, rehearse } = options;
  if ((inMs === undefined) === (at === undefined)) {
    throw usageError('Say when: --in 30m, or --at 2031-05-17T22:00; --in 0 is now');
  }
  return {
    message,
    ...(rehearse && { action: 'warn' }),
    ...(at !== undefined && { startsAt: at }),
    ...(inMs !== undefined && { startsInMs: inMs }),
    ...(until !== undefined && { untilAt: until }),
    ...(hold !== undefined && { holdMs: hold }),
    ...(stop !== undefined && { admissionStopsMs: stop }),
    ...(spare && { bypassRoles: spare }),
  };
}

/** What became of it, in one line. */
function outcomeOf(window: Maintenance, isLifted: boolean): string {
  const { action, counts, state } = window;
  if (action === 'warn') return `The rehearsal is over: ${count(counts?.targeted ?? 0, 'session')} warned.`;
  if (isLifted) return 'The maintenance window was lifted.';
  if (state !== 'closed') return `The maintenance window is still ${state}.`;
  const { verified = 0, unverified = 0 } = counts ?? {};
  const doubt = unverified > 0 ? `, ${unverified} could not be verified` : '';
  return `All are out: ${count(verified, 'session')} verified${doubt}.`;
}

async function waitFor(window: Maintenance, leftMs: number, call: Call<StartOptions>): Promise<ExitCode> {
  const { terminal, options } = call;
  const last = await followWindow(terminal, apiOf(terminal, options), window, leftMs);
  if (options.json) printJson(terminal, last.window);
  else print(terminal.stdout, outcomeOf(last.window, last.isLifted));
  if (window.action === 'warn') return last.isLifted ? EXIT.ok : EXIT.unverified;
  return isProved(last.window) ? EXIT.ok : EXIT.unverified;
}

function printPlanned({ stdout, stderr }: Terminal, window: Maintenance): void {
  print(stdout, ...linesOf(window, Date.now()));
  print(stderr, 'Look at it by: lastcall maintenance; call it off by: lastcall maintenance lift');
}

const start: Command = defineCommand<StartOptions>({
  usage: 'maintenance start',
  summary: 'plan a maintenance window, or change the one there is',
  group: 'Act',
  options: [
    { flags: '--in <duration>', help: 'Begin after so long; 0 is now.', parse: durationOption },
    { flags: '--at <instant>', help: 'Begin then: a date, or 2h (from now).', parse: comingOption },
    {
      flags: '--until <instant>',
      help: 'Lift it then by itself: a date, or 2h (from now). Default: by hand.',
      parse: comingOption,
    },
    { ...MESSAGE_OPTION, help: 'What people read. Default: a request to save.' },
    {
      flags: '--hold <duration>',
      help: 'Further time for who is saving at the start. Default: as the policy says.',
      parse: durationOption,
    },
    {
      flags: '--stop <duration>',
      help: 'Admit nobody from so long before the start. Default: 5m.',
      parse: durationOption,
    },
    { flags: '--spare <role...>', help: 'Who has one of these roles stays and is let in. Default: admin.' },
    { flags: '--rehearse', help: 'Only warn: nobody is kept out or logged off.' },
    { flags: '--wait', help: 'Wait until everybody is out; exit with 0 only if all are verified.' },
    { flags: '--yes', help: 'Do not ask.' },
    ...API_OPTIONS,
  ],
  more: [
    'Examples:',
    '  lastcall maintenance start --in 30m --until 4h -m "Update to version 9." --wait',
    '  lastcall maintenance start --at 2031-05-17T22:00 --rehearse',
    '',
    'Exit codes with --wait: 0 all verified, 3 some are not, 130 interrupted (the window stays).',
  ].join('\n'),
  async run(call) {
    const { terminal, options } = call;
    const api = apiOf(terminal, options);
    const request = requestOf(options);
    if (!options.rehearse) {
      const what = `This closes the application for everybody in ${api.tenant} until it is lifted`;
      await ensureMeant(terminal, what, options.yes);
    }
    const window = await api.setMaintenance(request);
    const leftMs = options.in ?? window.startsAt - Date.now();
    if (options.wait) return await waitFor(window, leftMs, call);
    if (options.json) printJson(terminal, window);
    else printPlanned(terminal, window);
    return EXIT.ok;
  },
});

const lift: Command = defineCommand<ApiCommandOptions>({
  usage: 'maintenance lift',
  summary: 'lift the maintenance window: people are let in again',
  group: 'Act',
  options: API_OPTIONS,
  more: 'Before the start everybody who was warned is told. After it, who still saves goes to the end of the hold.',
  async run({ terminal, options }) {
    const answer = await apiOf(terminal, options).liftMaintenance();
    if (options.json) printJson(terminal, answer);
    else {
      const { order } = answer;
      const saving = order?.state === 'closing' ? order.counts.targeted - order.counts.ended : 0;
      const rest = saving > 0 ? ` ${count(saving, 'session')} still saving will be logged off.` : '';
      print(terminal.stdout, `Lifted: people are let in again.${rest}`);
    }
    return EXIT.ok;
  },
});

export const maintenance: readonly Command[] = [show, start, lift];
