import { type Checker, ends, exclusion, fences } from './checks.js';
import type { History } from './format.js';
import { guard } from './guard.js';
import { linear } from './linear.js';
import { many } from './many.js';
import { queue } from './queue.js';

/** Every checker, by what it proves. */
export const CHECKERS: Readonly<Record<string, Checker>> = {
  exclusion,
  linear,
  fences,
  queue,
  ends,
  many,
  guard,
};

export interface Verdict {
  readonly checker: string;
  readonly violations: readonly string[];
}

export function verdictsOf(history: History): readonly Verdict[] {
  return Object.entries(CHECKERS).map(([checker, check]) => ({ checker, violations: check(history) }));
}

/** Every violation with its checker's name before it; empty for a history in which all is well. */
export const violationsIn = (history: History): readonly string[] =>
  verdictsOf(history).flatMap(({ checker, violations }) => violations.map((line) => `${checker}: ${line}`));
