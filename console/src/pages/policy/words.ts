import type { PolicySettings } from '@lastcall/shared';
import { useFormat, useText } from '../../i18n/context.js';
import { isDuration, type SettingName, wordsOf } from './settings.js';
import type { PolicyKey } from './text/en.js';
import { policyText } from './text/index.js';

/** Says a setting's value. */
export function useValue(): (name: SettingName, value: unknown) => string {
  const say = useText(policyText);
  const format = useFormat();
  return (name, value) => {
    if (typeof value === 'string' && wordsOf(name).includes(value)) return say(`word.${value}` as PolicyKey);
    if (value === 0) return say(isDuration(name) && !name.startsWith('idle') ? 'zero' : 'off');
    if (typeof value === 'number')
      return isDuration(name) ? exact(value, format.duration) : format.number(value);
    return String(value);
  };
}

/** A duration that is not of whole seconds is told in milliseconds. */
const exact = (ms: number, duration: (ms: number) => string): string =>
  ms % 1_000 === 0 ? duration(ms) : `${ms} ms`;

/** Says what a setting does to people, as it is. */
export function useEffectOf(): (name: SettingName, settings: PolicySettings) => string {
  const say = useText(policyText);
  const value = useValue();
  return (name, settings) => {
    const now = settings[name];
    const time = value(name, now);
    const isOff = now === 0;
    const key = ((): PolicyKey => {
      if (typeof now === 'string') return `effect.${name}.${now}` as PolicyKey;
      if (isOff && name === 'maxSessionsPerUser') return 'effect.maxSessions.off';
      return (
        isOff && `effect.${name}.off` in KNOWN_OFF ? `effect.${name}.off` : `effect.${name}`
      ) as PolicyKey;
    })();
    const warnAfter = settings.idleLogoffMs - settings.idleWarnMs;
    return say(key, {
      time,
      count: typeof now === 'number' ? now : 0,
      warnAt: value('maxAgeMs', Math.max(1_000, warnAfter)),
      logoff: value('idleLogoffMs', settings.idleLogoffMs),
    });
  };
}

/** Settings that say something else when they are off. */
const KNOWN_OFF = {
  'effect.idleLogoffMs.off': true,
  'effect.maxAgeMs.off': true,
  'effect.maxSessions.off': true,
  'effect.lockIdleMs.off': true,
  'effect.lockDelayMs.off': true,
  'effect.graceMs.off': true,
  'effect.holdMs.off': true,
  'effect.flushMs.off': true,
} as const;
