import { SESSION_STATES, type Session, type SessionState } from '@lastcall/shared';
import { defineCommand } from '../command.js';
import { formatAgo } from '../durations.js';
import { type ListOptions, printList, WATCH_OPTION } from '../lists.js';
import {
  API_OPTIONS,
  type ApiCommandOptions,
  apiOf,
  DEFAULT_LIMIT,
  durationOption,
  LIMIT_OPTION,
} from '../options.js';
import { type Column, printMore, printTable } from '../render.js';
import { appOf, deviceOf, paintState, personOf } from '../words.js';

interface Options extends ApiCommandOptions, ListOptions {
  readonly user?: string;
  readonly state?: SessionState;
  readonly app?: string;
  readonly node?: string;
  readonly idle?: number;
  readonly search?: string;
  readonly limit?: number;
}

function columnsAt(now: number): readonly Column<Session>[] {
  return [
    { head: 'SESSION', text: ({ id }) => id, whole: true },
    { head: 'USER', text: ({ user }) => personOf(user), least: 18 },
    {
      head: 'STATE',
      text: ({ state }) => state,
      paint: (colors, text, { state }) => paintState(colors, text, state),
    },
    { head: 'IDLE', text: ({ lastInputAt }) => formatAgo(lastInputAt, now), align: 'right' },
    {
      head: 'UNSAVED',
      text: ({ dirty }) => (dirty ? 'yes' : ''),
      paint: (colors, text) => colors.yellow(text),
      spare: 1,
    },
    { head: 'LOCKS', text: ({ locks }) => (locks === 0 ? '' : String(locks)), align: 'right', spare: 2 },
    { head: 'LOOKS AT', text: ({ view }) => view ?? '', spare: 3 },
    { head: 'APP', text: ({ app }) => appOf(app), spare: 4 },
    { head: 'OPEN', text: ({ openedAt }) => formatAgo(openedAt, now), align: 'right', spare: 5 },
    { head: 'DEVICE', text: ({ device }) => deviceOf(device), spare: 6 },
    { head: 'ADDRESS', text: ({ address }) => address, spare: 7 },
  ];
}

export const sessions = defineCommand<Options>({
  usage: 'sessions',
  summary: 'list who is working now',
  group: 'Look',
  options: [
    { flags: '--user <id>', help: 'Only of this person.' },
    {
      flags: '--state <state>',
      help: 'Only in this state.',
      choices: SESSION_STATES.filter((state) => state !== 'ended'),
    },
    { flags: '--app <name>', help: 'Only in this application.' },
    { flags: '--node <id>', help: 'Only at this broker process.' },
    { flags: '--idle <duration>', help: 'Only without input for so long.', parse: durationOption },
    { flags: '--search <text>', help: 'Only with this text in a name, device or address.' },
    LIMIT_OPTION,
    WATCH_OPTION,
    ...API_OPTIONS,
  ],
  async run({ terminal, options }) {
    const { user, state, app, node, idle, search, limit = DEFAULT_LIMIT } = options;
    const filter = { user, state, app, node, minIdleMs: idle, q: search };
    const api = apiOf(terminal, options);
    const isFiltered = Object.values(filter).some((value) => value !== undefined);
    const none = isFiltered ? 'Nobody is logged in who matches.' : 'Nobody is logged in.';
    return await printList(terminal, options, {
      read: (signal) => api.sessions(filter, limit, signal),
      show: (shown, { items, next }) => {
        printTable(shown, columnsAt(Date.now()), items, none);
        printMore(shown, items.length, next);
      },
    });
  },
});
