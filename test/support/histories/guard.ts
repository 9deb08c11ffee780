import type { Checker } from './checks.js';
import type { Op } from './format.js';

/** A guarded table takes no write with a fence below the highest that it has seen by then (I3). */
export const guard: Checker = ({ ops }) => {
  const found: string[] = [];
  const writes = ops.filter(({ op, value }) => op === 'write' && value.accepted === true);
  const byKey = new Map<string, Op[]>();
  for (const op of writes) {
    const list = byKey.get(op.key);
    if (list) list.push(op);
    else byKey.set(op.key, [op]);
  }
  for (const list of byKey.values()) found.push(...lateWrites(list));
  return found;
};

/** Writes of one resource that were sent when one with a higher fence had been answered. */
function lateWrites(writes: readonly Op[]): string[] {
  const answered = writes.toSorted((one, other) => one.ret - other.ret);
  let highest = 0;
  let next = 0;
  return writes
    .toSorted((one, other) => one.call - other.call)
    .flatMap(({ proc, opId, key, call, fence = 0 }) => {
      for (; (answered[next]?.ret ?? Number.POSITIVE_INFINITY) < call; next += 1) {
        highest = Math.max(highest, answered[next]?.fence ?? 0);
      }
      return fence < highest
        ? [`${proc} write ${opId} of ${key}: fence ${fence} taken after ${highest}`]
        : [];
    });
}
