/** A tenant's settings (PROTOCOL section 6). Durations are milliseconds; 0 turns a setting off where its range says so. */
export interface PolicySettings {
  readonly beatMs: number;
  readonly leaseMs: number;
  readonly idleAfterMs: number;
  readonly idleLogoffMs: number;
  readonly idleWarnMs: number;
  readonly idleScope: 'user' | 'session';
  readonly maxAgeMs: number;
  readonly maxSessions: number;
  readonly maxSessionsPerUser: number;
  readonly onSessionLimit: 'refuse' | 'end_oldest' | 'end_idlest';
  readonly graceMs: number;
  readonly holdMs: number;
  readonly flushMs: number;
  readonly lockTakeover: 'never' | 'idle' | 'ask' | 'admin';
  readonly takeoverMs: number;
  readonly lockIdleMs: number;
  readonly lockDelayMs: number;
  readonly maxLocksPerSession: number;
  readonly maxWaitersPerResource: number;
  readonly endedKeepMs: number;
  readonly auditRetention: number;
  readonly auditOverflow: 'alarm' | 'drop';
}

/** The settings with the version that `If-Match` names. */
export interface Policy extends PolicySettings {
  readonly version: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The settings of a tenant that never changed any. */
export const DEFAULT_POLICY: PolicySettings = {
  beatMs: 15_000,
  leaseMs: MINUTE,
  idleAfterMs: 5 * MINUTE,
  idleLogoffMs: 30 * MINUTE,
  idleWarnMs: 2 * MINUTE,
  idleScope: 'user',
  maxAgeMs: 12 * HOUR,
  maxSessions: 0,
  maxSessionsPerUser: 0,
  onSessionLimit: 'refuse',
  graceMs: MINUTE,
  holdMs: 30_000,
  flushMs: 5_000,
  lockTakeover: 'ask',
  takeoverMs: 30_000,
  lockIdleMs: 5 * MINUTE,
  lockDelayMs: 0,
  maxLocksPerSession: 64,
  maxWaitersPerResource: 256,
  endedKeepMs: DAY,
  auditRetention: 100_000,
  auditOverflow: 'alarm',
};

/** A number's bounds; `orZero` also allows 0, which turns the setting off. */
export interface Range {
  readonly min: number;
  readonly max: number;
  readonly orZero?: true;
}

/** One row per setting: the bounds of a number or the words it may be. Validation, documents and the console read it. */
export const POLICY_RANGES: { readonly [K in keyof PolicySettings]: Range | readonly PolicySettings[K][] } = {
  beatMs: { min: 1_000, max: MINUTE },
  leaseMs: { min: 3_000, max: HOUR },
  idleAfterMs: { min: 1_000, max: DAY },
  idleLogoffMs: { min: 5_000, max: DAY, orZero: true },
  idleWarnMs: { min: 1_000, max: HOUR },
  idleScope: ['user', 'session'],
  maxAgeMs: { min: MINUTE, max: 30 * DAY, orZero: true },
  maxSessions: { min: 1, max: 1_000_000, orZero: true },
  maxSessionsPerUser: { min: 1, max: 1_000, orZero: true },
  onSessionLimit: ['refuse', 'end_oldest', 'end_idlest'],
  graceMs: { min: 0, max: DAY },
  holdMs: { min: 0, max: DAY },
  flushMs: { min: 0, max: MINUTE },
  lockTakeover: ['never', 'idle', 'ask', 'admin'],
  takeoverMs: { min: 1_000, max: 10 * MINUTE },
  lockIdleMs: { min: 1_000, max: DAY, orZero: true },
  lockDelayMs: { min: 0, max: MINUTE },
  maxLocksPerSession: { min: 1, max: 1_024 },
  maxWaitersPerResource: { min: 1, max: 1_024 },
  endedKeepMs: { min: MINUTE, max: 30 * DAY },
  auditRetention: { min: 1_000, max: 10_000_000 },
  auditOverflow: ['alarm', 'drop'],
};

/** Settings that go together: where one asks for something that another one makes impossible, both are refused. */
export interface PolicyRule {
  readonly path: keyof PolicySettings;
  readonly holds: (settings: PolicySettings) => boolean;
  readonly message: string;
}

/** Milliseconds after a socket had its time to close until the proof of a session's end is read, at the most. */
const PROOF_MS = 10_000;

/** A row per contradiction that is refused; documents and validation read it. */
export const POLICY_RULES: readonly PolicyRule[] = [
  {
    path: 'leaseMs',
    holds: ({ beatMs, leaseMs }) => leaseMs >= 3 * beatMs,
    message: 'must be at least three times beatMs, so that one lost beat ends nobody',
  },
  {
    path: 'idleLogoffMs',
    holds: ({ idleLogoffMs, idleWarnMs }) => idleLogoffMs === 0 || idleLogoffMs > idleWarnMs,
    message: 'must be 0, or more than idleWarnMs, so that the warning comes before the logoff',
  },
  {
    path: 'idleLogoffMs',
    holds: ({ idleLogoffMs, idleWarnMs, beatMs }) =>
      idleLogoffMs === 0 || idleLogoffMs <= idleWarnMs || idleLogoffMs - idleWarnMs >= beatMs,
    message: 'must be 0, or at least beatMs more than idleWarnMs, so that nobody who works is warned',
  },
  {
    path: 'idleLogoffMs',
    holds: ({ idleLogoffMs, idleAfterMs }) => idleLogoffMs === 0 || idleLogoffMs >= idleAfterMs,
    message:
      'must be 0, or at least idleAfterMs, so that nobody is logged off as idle who is not called idle',
  },
  {
    path: 'idleWarnMs',
    holds: ({ idleLogoffMs, idleWarnMs, beatMs }) => idleLogoffMs === 0 || idleWarnMs >= beatMs,
    message: 'must be at least beatMs, so that input after the warning is heard before the logoff',
  },
  {
    path: 'idleAfterMs',
    holds: ({ idleAfterMs, beatMs }) => idleAfterMs >= beatMs,
    message: 'must be at least beatMs, so that nobody who works is called idle',
  },
  {
    path: 'lockIdleMs',
    holds: ({ lockIdleMs, beatMs }) => lockIdleMs === 0 || lockIdleMs >= beatMs,
    message: 'must be 0, or at least beatMs, so that nobody who works loses a lock as idle',
  },
  {
    path: 'maxAgeMs',
    holds: ({ maxAgeMs, graceMs }) => maxAgeMs === 0 || maxAgeMs > graceMs,
    message: 'must be 0, or more than graceMs, so that nobody is warned of its end at sign-in',
  },
  {
    path: 'maxSessionsPerUser',
    holds: ({ maxSessions, maxSessionsPerUser }) => maxSessions === 0 || maxSessionsPerUser <= maxSessions,
    message: 'must be at most maxSessions, which is the limit of all people together',
  },
  {
    path: 'endedKeepMs',
    holds: ({ endedKeepMs, leaseMs }) => endedKeepMs >= leaseMs,
    message: 'must be at least leaseMs, so that who was away for that long still learns of the end',
  },
  {
    path: 'endedKeepMs',
    holds: ({ endedKeepMs, flushMs }) => endedKeepMs >= flushMs + PROOF_MS,
    message: 'must be at least 10 seconds more than flushMs, so that the proof of an end is read in time',
  },
];

export const PRESET_NAMES = ['strict', 'standard', 'relaxed'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

/** Settings that fit together, and for whom they are. */
export interface Preset {
  readonly summary: string;
  readonly settings: PolicySettings;
}

/** Where to begin: each is a whole of settings that may be sent as it is. */
export const POLICY_PRESETS: Readonly<Record<PresetName, Preset>> = {
  strict: {
    summary:
      'For books that must not stay open unattended: ten minutes without input in a session, eight hours, three sessions a person.',
    settings: {
      ...DEFAULT_POLICY,
      beatMs: 10_000,
      leaseMs: 30_000,
      idleAfterMs: 2 * MINUTE,
      idleLogoffMs: 10 * MINUTE,
      idleWarnMs: MINUTE,
      idleScope: 'session',
      maxAgeMs: 8 * HOUR,
      maxSessionsPerUser: 3,
      graceMs: 30_000,
      holdMs: 15_000,
      takeoverMs: 15_000,
      lockIdleMs: 2 * MINUTE,
    },
  },
  standard: {
    summary:
      'For an office: half an hour without input anywhere, twelve hours, as many sessions as people open.',
    settings: DEFAULT_POLICY,
  },
  relaxed: {
    summary: 'For people who leave their work open: four hours without input anywhere, a day, long warnings.',
    settings: {
      ...DEFAULT_POLICY,
      idleAfterMs: 15 * MINUTE,
      idleLogoffMs: 4 * HOUR,
      idleWarnMs: 10 * MINUTE,
      maxAgeMs: DAY,
      graceMs: 5 * MINUTE,
      holdMs: 2 * MINUTE,
      takeoverMs: MINUTE,
      lockIdleMs: 15 * MINUTE,
    },
  },
};

/** The preset that settings are, if they are one; whatever else is with them does not count. */
export function presetOf(settings: PolicySettings): PresetName | undefined {
  const names = Object.keys(DEFAULT_POLICY) as (keyof PolicySettings)[];
  return PRESET_NAMES.find((preset) =>
    names.every((name) => POLICY_PRESETS[preset].settings[name] === settings[name]),
  );
}

/** The settings a client may know: what it needs to count down and to explain itself. */
export const PUBLIC_POLICY_KEYS = [
  'beatMs',
  'leaseMs',
  'idleAfterMs',
  'idleLogoffMs',
  'idleWarnMs',
  'idleScope',
  'holdMs',
  'flushMs',
  'lockTakeover',
  'takeoverMs',
  'lockIdleMs',
] as const satisfies readonly (keyof PolicySettings)[];

export type PublicPolicy = Pick<Policy, 'version' | (typeof PUBLIC_POLICY_KEYS)[number]>;
