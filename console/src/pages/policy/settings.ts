import {
  DEFAULT_POLICY,
  POLICY_RANGES,
  POLICY_RULES,
  type Policy,
  type PolicySettings,
  type Range,
} from '@lastcall/shared';

export type SettingName = keyof PolicySettings;
export const SETTING_NAMES = Object.keys(DEFAULT_POLICY) as readonly SettingName[];

/** The settings as people think of them. */
export const GROUPS = [
  { id: 'idle', names: ['idleAfterMs', 'idleWarnMs', 'idleLogoffMs', 'idleScope', 'maxAgeMs'] },
  { id: 'orders', names: ['graceMs', 'holdMs', 'flushMs', 'endedKeepMs'] },
  {
    id: 'locks',
    names: [
      'lockTakeover',
      'takeoverMs',
      'lockIdleMs',
      'lockDelayMs',
      'maxLocksPerSession',
      'maxWaitersPerResource',
    ],
  },
  { id: 'seats', names: ['maxSessions', 'maxSessionsPerUser', 'onSessionLimit'] },
  { id: 'life', names: ['beatMs', 'leaseMs'] },
  { id: 'trail', names: ['auditRetention', 'auditOverflow'] },
] as const satisfies readonly { readonly id: string; readonly names: readonly SettingName[] }[];

export function settingsOf(policy: Policy): PolicySettings {
  const { version: _, ...settings } = policy;
  return settings;
}

/** A setting's bounds, if it is a number. */
export function rangeOf(name: SettingName): Range | undefined {
  const range: Range | readonly unknown[] = POLICY_RANGES[name];
  return 'min' in range ? range : undefined;
}

/** The words that a setting may be; none of a number. */
export function wordsOf(name: SettingName): readonly string[] {
  const range = POLICY_RANGES[name];
  return Array.isArray(range) ? (range as readonly string[]) : [];
}

export const isDuration = (name: SettingName): boolean => name.endsWith('Ms');

/** Names of the settings that differ. */
export const changedIn = (from: PolicySettings, to: PolicySettings): readonly SettingName[] =>
  SETTING_NAMES.filter((name) => from[name] !== to[name]);

export interface Fault {
  readonly name: SettingName;
  /** What the broker would say; without it the number is out of its bounds. */
  readonly message?: string;
}

/** What the broker would refuse settings for. */
export function faultsIn(settings: PolicySettings): readonly Fault[] {
  const outside = SETTING_NAMES.flatMap((name): readonly Fault[] => {
    const range = rangeOf(name);
    const value = settings[name];
    if (!range || (range.orZero && value === 0)) return [];
    const isInside = typeof value === 'number' && value >= range.min && value <= range.max;
    return isInside && Number.isSafeInteger(value) ? [] : [{ name }];
  });
  if (outside.length > 0) return outside;
  return POLICY_RULES.filter(({ holds }) => !holds(settings)).map(({ path, message }) => ({
    name: path,
    message,
  }));
}
