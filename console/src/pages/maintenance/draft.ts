import {
  ADMISSION_STOPS_MS,
  BYPASS_ROLES,
  type Maintenance,
  type MaintenanceRequest,
  type OrderRequest,
  REMINDER_LADDER_MS,
} from '@lastcall/shared';

const MINUTE = 60_000;

/** What an administrator chooses for a window; instants as `datetime-local` fields write them, '' for none. */
export interface Draft {
  readonly isRehearsal: boolean;
  readonly message: string;
  /** How long from now in milliseconds as text, or `at`. */
  readonly start: string;
  readonly startsAt: string;
  readonly untilAt: string;
  readonly admissionStopsMs: number;
  readonly ladderMs: readonly number[];
  readonly bypassRoles: readonly string[];
  /** `undefined` leaves it to policy. */
  readonly holdMs: number | undefined;
}

export const STARTS_AT = 'at';
export const STARTS_IN = [0, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE] as const;
export const LADDER = REMINDER_LADDER_MS;

/** An instant as a `datetime-local` field has it, in the time of this place. */
export function localOf(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * MINUTE);
  return local.toISOString().slice(0, 16);
}

/** Epoch milliseconds of a `datetime-local` field. */
export function instantOf(text: string): number | undefined {
  const at = new Date(text).getTime();
  return Number.isNaN(at) ? undefined : at;
}

export const firstDraft = (message: string): Draft => ({
  isRehearsal: false,
  message,
  start: String(30 * MINUTE),
  startsAt: '',
  untilAt: '',
  admissionStopsMs: ADMISSION_STOPS_MS,
  ladderMs: LADDER,
  bypassRoles: BYPASS_ROLES,
  holdMs: undefined,
});

export const draftOf = (window: Maintenance): Draft => ({
  isRehearsal: window.action === 'warn',
  message: window.message,
  start: STARTS_AT,
  startsAt: localOf(window.startsAt),
  untilAt: window.untilAt === undefined ? '' : localOf(window.untilAt),
  admissionStopsMs: window.admissionStopsMs,
  ladderMs: window.ladderMs,
  bypassRoles: window.bypassRoles,
  holdMs: window.holdMs,
});

/** When a draft begins, by the broker's clock. */
export function startOf({ start, startsAt }: Draft, now: number): number | undefined {
  return start === STARTS_AT ? instantOf(startsAt) : now + Number(start);
}

/** An instant of a field; fields have no seconds, so one that was not changed is what it was. */
function kept(text: string, before: number | undefined): number | undefined {
  return before !== undefined && text === localOf(before) ? before : instantOf(text);
}

/** What is sent. @param window what is changed: of one that is closing or closed the start is left out, because it has been */
export function requestOf(draft: Draft, window?: Maintenance): MaintenanceRequest {
  const { isRehearsal, message, start, admissionStopsMs, ladderMs, bypassRoles, holdMs } = draft;
  const untilAt = kept(draft.untilAt, window?.untilAt);
  const rest = { message: message.trim(), bypassRoles, ...(untilAt === undefined ? {} : { untilAt }) };
  if (window && hasBegun(window)) return rest;
  const startsAt = kept(draft.startsAt, window?.startsAt);
  const atTime = startsAt === undefined ? {} : { startsAt };
  return {
    ...rest,
    action: isRehearsal ? 'warn' : 'logoff',
    ...(start === STARTS_AT ? atTime : { startsInMs: Number(start) }),
    admissionStopsMs,
    ladderMs,
    ...(holdMs === undefined ? {} : { holdMs }),
  };
}

export const hasBegun = ({ state }: Maintenance): boolean => state === 'closing' || state === 'closed';

/** The order that the window is going to give, to ask whom it would hit. */
export const previewOf = ({ isRehearsal, message, bypassRoles }: Draft): OrderRequest => ({
  action: isRehearsal ? 'warn' : 'logoff',
  target: { all: true },
  ...(bypassRoles.length === 0 ? {} : { except: { roles: bypassRoles } }),
  includeSelf: true,
  message: message.trim() || '–',
  reason: 'maintenance',
});
