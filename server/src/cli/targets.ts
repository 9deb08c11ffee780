import {
  MAX_MESSAGE_LENGTH,
  ORDER_REASONS,
  type OrderAction,
  type OrderExcept,
  type OrderReason,
  type OrderRequest,
  type OrderTarget,
} from '@lastcall/shared';
import type { Option } from './command.js';
import { API_OPTIONS, type ApiCommandOptions, durationOption, usageError } from './options.js';

/** What `warn` and `logoff` have in common. */
export interface OrderOptions extends ApiCommandOptions {
  readonly all?: true;
  readonly session?: readonly string[];
  readonly user?: readonly string[];
  readonly role?: readonly string[];
  readonly app?: readonly string[];
  readonly idle?: number;
  readonly exceptUser?: readonly string[];
  readonly includeSelf?: true;
  readonly message?: string;
  readonly reason?: OrderReason;
  readonly grace?: number;
  readonly hold?: number;
  readonly deny?: number;
  readonly dryRun?: true;
  readonly yes?: true;
}

/** Lists of more people than this are asked about. */
export const WIDE = 10;

function messageOption(text: string): string {
  if (text.trim() === '' || text.length > MAX_MESSAGE_LENGTH) {
    throw usageError(`--message must be 1 to ${MAX_MESSAGE_LENGTH} characters`);
  }
  return text;
}

export const TARGET_OPTIONS: readonly Option[] = [
  { flags: '--all', help: 'Everybody in the tenant.' },
  { flags: '--session <id...>', help: 'These sessions.' },
  { flags: '--user <id...>', help: 'All sessions of these people.' },
  { flags: '--role <role...>', help: 'Everybody with one of these roles.' },
  { flags: '--app <name...>', help: 'Everybody in one of these applications.' },
  { flags: '--idle <duration>', help: 'Everybody without input for so long.', parse: durationOption },
  { flags: '--except-user <id...>', help: 'But not these people.' },
  { flags: '--include-self', help: 'Your own sessions too; without it they are spared.' },
];

export const COMMON_OPTIONS: readonly Option[] = [
  {
    flags: '--reason <reason>',
    help: 'Why. Default: admin.',
    choices: ORDER_REASONS,
  },
  { flags: '--dry-run', help: 'Only show who would be hit.' },
  { flags: '--yes', help: `Do not ask, even for --all or more than ${WIDE} people.` },
  ...API_OPTIONS,
];

export const MESSAGE_OPTION: Option = {
  flags: '-m, --message <text>',
  help: 'What people read.',
  parse: messageOption,
};

/** Whom the options name. */
export function targetOf(options: OrderOptions): OrderTarget {
  const { all, session, user, role, app, idle } = options;
  const lists = {
    ...(session && { sessions: session }),
    ...(user && { users: user }),
    ...(role && { roles: role }),
    ...(app && { apps: app }),
    ...(idle !== undefined && { minIdleMs: idle }),
  };
  const named = Object.keys(lists).length;
  if (all && named > 0)
    throw usageError('--all is everybody: leave out the other targets, or leave out --all');
  if (!all && named === 0) {
    throw usageError('Say whom: --all, --session, --user, --role, --app or --idle (see --help)');
  }
  return all ? { all } : lists;
}

/** The order these options describe. */
export function requestOf(action: OrderAction, message: string, options: OrderOptions): OrderRequest {
  const { exceptUser, includeSelf, reason = 'admin', grace, hold, deny } = options;
  const except: OrderExcept | undefined = exceptUser && { users: exceptUser };
  return {
    action,
    target: targetOf(options),
    message,
    reason,
    ...(except && { except }),
    ...(includeSelf && { includeSelf }),
    ...(grace !== undefined && { graceMs: grace }),
    ...(hold !== undefined && { holdMs: hold }),
    ...(deny !== undefined && { reentry: { denyMs: deny } }),
  };
}

/** Whether an order names so few that nobody has to be counted first. */
export function isNarrow({ all, roles, apps, minIdleMs, users = [], sessions = [] }: OrderTarget): boolean {
  const open = all === true || roles !== undefined || apps !== undefined || minIdleMs !== undefined;
  return !open && users.length + sessions.length <= WIDE;
}
