import { type Issue, MAX_PAYLOAD_DEPTH } from '@lastcall/shared';

/** Most keys of all objects of a payload together. */
export const MAX_PAYLOAD_KEYS = 1_000;
/** Most values of a payload: the lists of the largest order allowed, and some room. */
export const MAX_PAYLOAD_VALUES = 10_000;

/** Keys that reach an object's prototype when a payload is copied carelessly. */
const PROTOTYPE_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

function refuse(message: string): Issue {
  return { path: '', message };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What of an object or list has to be looked at next, or why it is refused. */
function childrenOf(value: object): readonly unknown[] | Issue {
  if (Array.isArray(value)) return value;
  if (!isPlain(value)) return refuse('must be plain JSON: no binary and no other objects');
  const keys = Object.keys(value);
  if (keys.length > MAX_PAYLOAD_KEYS) return refuse(`must have at most ${MAX_PAYLOAD_KEYS} fields in all`);
  if (keys.some((key) => PROTOTYPE_KEYS.has(key)))
    return refuse('contains a field name that is never allowed');
  return Object.values(value);
}

/**
 * Why a payload must not even be validated, or `undefined`. Without recursion, because a payload of a few kilobytes
 * can nest deeper than the stack.
 */
export function guard(payload: unknown): Issue | undefined {
  let level: readonly unknown[] = [payload];
  let keys = 0;
  let values = 0;
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      if (depth === MAX_PAYLOAD_DEPTH) return refuse(`must be nested at most ${MAX_PAYLOAD_DEPTH} deep`);
      const children = childrenOf(value);
      if ('message' in children) return children;
      if (!Array.isArray(value)) keys += children.length;
      values += children.length;
      if (keys > MAX_PAYLOAD_KEYS) return refuse(`must have at most ${MAX_PAYLOAD_KEYS} fields in all`);
      if (values > MAX_PAYLOAD_VALUES) return refuse(`must have at most ${MAX_PAYLOAD_VALUES} values in all`);
      for (const child of children) next.push(child);
    }
    level = next;
  }
  return undefined;
}
