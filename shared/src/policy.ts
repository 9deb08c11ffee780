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
