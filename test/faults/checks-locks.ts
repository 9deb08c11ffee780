import type { AuditRecord } from '@lastcall/shared';
import { NS } from '../support/histories/lock-service.js';
import { queue } from '../support/histories/queue.js';
import { gapsIn } from '../support/lease.js';
import type { Evidence } from './evidence.js';
import { healthy, historyOf, of, whole } from './facts.js';
import type { Guarded } from './messages.js';

const TAKEN = new Set<AuditRecord['type']>(['lock.broken', 'lock.taken_over']);

/** Under an exclusive lock that was later given back or ran out, nobody believes in it after the next one wrote. */
export function overlaps({ writes, records, ops, frozen, leaseMs }: Evidence): string[] {
  const shared = new Set(
    ops.flatMap(({ fence, value }) => (value.mode === 'shared' && fence ? [fence] : [])),
  );
  // Of what others decide a client hears a moment later; of its own lease it knows by itself.
  const revoked = new Set(
    records
      .filter(({ type, by }) => TAKEN.has(type) || by.kind === 'admin' || by.kind === 'policy')
      .flatMap(({ fence }) => fence ?? []),
  );
  // Whoever was frozen for longer than a lease knows that it ran out, whatever else was decided meanwhile.
  const sleepers = frozen
    .filter(({ from, to }) => to - from > leaseMs * NS)
    .map(({ to, sessionIds }) => ({ to, ids: new Set(sessionIds) }));
  const overslept = (write: Guarded, before: Guarded): boolean =>
    sleepers.some(({ to, ids }) => before.at < to && to <= write.at && ids.has(write.sessionId));
  const latest = new Map<string, Guarded>();
  const found: string[] = [];
  for (const write of writes.toSorted((one, other) => one.at - other.at)) {
    if (shared.has(write.fence)) continue;
    const before = latest.get(write.resource);
    if (before && before.fence > write.fence && (!revoked.has(write.fence) || overslept(write, before))) {
      found.push(`${write.resource}: fence ${write.fence} is believed in after ${before.fence} wrote`);
    }
    if (!before || before.fence < write.fence) latest.set(write.resource, write);
  }
  return found;
}

/** Operations that name a fence without being given it. */
const CLAIMS_NOTHING: ReadonlySet<string> = new Set(['release', 'check', 'lost', 'write', 'break']);

/** Asked without an answer, or queued: what it was granted since may not have been heard. */
function mayHaveBeenGranted({ type, op, fence, value }: Evidence['ops'][number]): boolean {
  const isUnanswered = type === 'info' || (type === 'fail' && value.code === 'unavailable');
  return isUnanswered || (type === 'ok' && !fence && !CLAIMS_NOTHING.has(op));
}

/** A grant that was answered before another was asked for has the lower fence, whatever was lost between them. */
export function fencesSeen({
  ops: told,
  handOps,
  records,
}: Pick<Evidence, 'ops' | 'handOps' | 'records'>): string[] {
  const ops = [...told, ...handOps];
  const kept = new Set(of(records, 'lock.granted').map(({ fence }) => fence));
  const found: string[] = [];
  const seen = new Map<number, string>();
  const granted = ops.filter(({ type, fence, op }) => type === 'ok' && fence && !CLAIMS_NOTHING.has(op));
  // Who was granted in what is lost waits for it again, and may have it anew without asking.
  const lost = granted.filter(({ fence }) => !kept.has(fence));
  const unsure = new Set(
    [...ops.filter(mayHaveBeenGranted), ...lost].map(({ session, key }) => `${session} ${key}`),
  );
  let highest = { fence: 0, ret: 0 };
  const byCall = granted.toSorted((one, other) => one.call - other.call);
  const byReturn = granted.toSorted((one, other) => one.ret - other.ret);
  let next = 0;
  for (const op of byCall) {
    for (let done = byReturn[next]; done && done.ret < op.call; done = byReturn[next]) {
      if ((done.fence ?? 0) > highest.fence) highest = { fence: done.fence ?? 0, ret: done.ret };
      next += 1;
    }
    const whose = `${op.session} ${op.key}`;
    const before = seen.get(op.fence ?? 0);
    if (before !== undefined && before !== whose)
      found.push(`fence ${op.fence} is of ${before} and of ${whose}`);
    // Who asks for what it holds is given the same fence again; an answer before may have been lost.
    if (before === undefined && (op.fence ?? 0) < highest.fence && !unsure.has(whose)) {
      found.push(`${op.op} ${op.opId}: fence ${op.fence} after ${highest.fence} had been answered`);
    }
    seen.set(op.fence ?? 0, whose);
  }
  return found;
}

const LATE_MS = 1_000;

/** After a gap it takes so long until every lease that ran out meanwhile is back, by a heartbeat of which no record tells. */
const REVIVED_MS = 3_000;

export function queueOf(evidence: Evidence): readonly string[] {
  const { records, lateMs, nemeses } = evidence;
  // Whoever is cut off is out of reach for a while, and no record tells of it.
  if (!whole(evidence) || nemeses.some(({ cutsOff }) => cutsOff)) return [];
  const gaps = gapsIn(records);
  const at = new Map(records.map((record) => [record.rev, record.at]));
  return queue(historyOf(evidence, [])).filter((line) => {
    // How long something may be free is promised for a store and brokers that are there.
    if (line.includes('free since')) return gaps.length === 0 && lateMs <= LATE_MS && healthy(evidence);
    const when = at.get(Number(/^\d+\/(\d+) /.exec(line)?.[1])) ?? 0;
    return !gaps.some(({ from, to }) => from <= when && when <= to + REVIVED_MS);
  });
}

export function waiting({ locks }: Evidence): string[] {
  return locks.flatMap(({ resource, holders, waiters }) =>
    holders.length === 0 && waiters.length > 0 && !resource.includes('file-')
      ? [`${resource} is free and has ${waiters.length} waiters`]
      : [],
  );
}

export function guarded(writes: Evidence['writes']): string[] {
  const highest = new Map<string, number>();
  const whose = new Map<string, string>();
  return writes.flatMap(({ resource, fence, sessionId, isAccepted }) => {
    if (!isAccepted) return [];
    const found: string[] = [];
    const before = highest.get(resource) ?? 0;
    if (fence < before) found.push(`${resource}: a write under ${fence} after ${before}`);
    const name = `${resource} ${fence}`;
    if ((whose.get(name) ?? sessionId) !== sessionId) found.push(`${name}: two sessions wrote under it`);
    whose.set(name, sessionId);
    highest.set(resource, Math.max(fence, before));
    return found;
  });
}

export function deadOf({ locks, records }: Evidence): string[] {
  const over = new Set(of(records, 'session.ended').map(({ sessionId }) => sessionId));
  return locks.flatMap(({ resource, holders, waiters }) =>
    [...holders, ...waiters].flatMap(({ sessionId }) =>
      over.has(sessionId) ? [`${resource}: ${sessionId} is gone`] : [],
    ),
  );
}
