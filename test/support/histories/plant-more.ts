import type { AuditRecord, AuditType } from '@lastcall/shared';
import type { History, Op } from './format.js';
import { type Fault, isGrant, onOp, onRecord, places, releaseOf, spliced } from './planting.js';
import { replacedBy, requestOf } from './replay.js';

/** Faults of locks that are kept back, had together, broken, lost with the data, and of guarded tables. */

const isKeptBack = ({ type, reason }: AuditRecord): boolean =>
  type === 'lock.released' && reason === 'delay_over';

const isNew = ({ type, reason, sessionId }: AuditRecord): boolean =>
  type === 'lock.lost' && reason === 'session_ended' && sessionId !== undefined;

/** A lock passes on while it is kept back. */
const grantedInTheDelay = onRecord(
  (record, replay) => isKeptBack(record) && replay.holds.has(record.fence ?? 0),
  (history, place) => {
    const { record } = place;
    const grant = places(history, (other) => isGrant(other) && other.fence === record.fence)[0]?.record;
    const base = { ...(grant ?? record), at: record.at, sessionId: 'session-hasty' };
    const details = { requestId: 'request-hasty', mode: 'exclusive', scope: 'record' };
    const hasty = { ...base, fence: (record.fence ?? 0) + 1, details };
    const opened = { ...base, type: 'session.opened' as AuditType };
    return spliced(history, place, 0, opened, hasty);
  },
);

const freedTooEarly = onRecord(
  (record, replay) => isKeptBack(record) && (replay.holds.get(record.fence ?? 0)?.delayedUntil ?? 0) > 1_000,
  (history, place) => {
    const lost = places(history, (other) => isNew(other) && other.fence === place.record.fence)[0];
    if (!lost) throw new Error('what is kept back was never lost');
    const early = { ...place.record, at: lost.record.at };
    const without = spliced(history, place, 1);
    return spliced(without, { ...lost, index: lost.index + 1 }, 0, early);
  },
);

/** What is kept back stays so for ever. */
const neverFreed: Fault = (history, random) =>
  onRecord(
    (record) => isKeptBack(record) && record.epoch === history.records.at(-1)?.epoch,
    (_, place) => {
      const last = history.records.at(-1) as AuditRecord;
      const later = { ...last, at: last.at + 2_500, type: 'session.state' as AuditType, details: {} };
      const without = spliced(history, place, 1);
      return spliced(without, { index: without.records.length, record: last }, 0, later);
    },
  )(history, random);

const isOfMany = ({ ops }: History, record: AuditRecord): boolean => {
  const request = requestOf(record);
  const own = ops.filter(({ op, opId }) => op === 'acquireMany' && opId === request);
  return isGrant(record) && own.length > 1 && own.every(({ type }) => type === 'ok');
};

/** Of several one was not granted, and nobody was told of it. */
const oneIsMissing: Fault = (history, random) =>
  onRecord(
    (record) => isOfMany(history, record),
    (_, { record: { fence } }) => {
      const ops = history.ops.filter((op) => op.fence !== fence || op.op === 'acquireMany');
      return {
        ...history,
        records: history.records.filter((record) => record.fence !== fence),
        ops: ops.map((op) => (op.fence === fence ? silenced(op) : op)),
      };
    },
  )(history, random);

function silenced({ fence: _fence, storeTime: _storeTime, ...op }: Op): Op {
  return { ...op, type: 'info', value: {} };
}

/** Somebody else was served between two of them. */
const oneByOne: Fault = (history, random) =>
  onRecord(
    (record, replay) => isOfMany(history, record) && hasBegun(history, record, replay.holds.keys()),
    (_, place) => {
      const opened = { ...place.record, type: 'session.opened' as AuditType, sessionId: 'session-between' };
      return spliced(history, place, 0, opened);
    },
  )(history, random);

function hasBegun(history: History, record: AuditRecord, held: Iterable<number>): boolean {
  const fences = new Set(held);
  return history.ops.some(
    ({ op, opId, fence = 0 }) => op === 'acquireMany' && opId === requestOf(record) && fences.has(fence),
  );
}

const grantedAndRefused: Fault = (history, random) => {
  const wanted = (op: Op): boolean => op.op === 'acquireMany' && op.value.state === 'granted';
  const chosen = history.ops.filter(wanted);
  if (chosen.length === 0) return undefined;
  const { opId } = random.pick(chosen);
  const ops = history.ops.map((op): Op => {
    if (op.opId !== opId || op.op !== 'acquireMany') return op;
    const { fence: _fence, storeTime: _storeTime, ...rest } = op;
    return { ...rest, type: 'fail', value: { code: 'locked' } };
  });
  return { ...history, ops };
};

const unrecordedBreak: Fault = (history, random) =>
  onRecord(
    ({ type, reason }) =>
      type === 'lock.broken' &&
      history.records.filter((other) => other.type === type && other.reason === reason).length === 1,
    (_, place) => spliced(history, place, 1, { ...place.record, type: 'lock.released' }),
  )(history, random);

/** A client is told that a lock is gone with the data, and it is there. */
const falselyLost: Fault = (history, random) => {
  const ended = new Set(
    history.records.filter(({ type }) => type !== 'lock.granted').map(({ fence }) => fence),
  );
  const replaced = new Set(history.records.map(replacedBy));
  const epoch = history.records.at(-1)?.epoch;
  return onOp(
    (op) =>
      op.value.state === 'granted' &&
      !ended.has(op.fence) &&
      !replaced.has(op.fence) &&
      history.records.some((record) => record.epoch === epoch && record.fence === op.fence),
    (op) => ({ ...op, op: 'lost', value: { reason: 'data_loss' } }),
  )(history, random);
};

/** What was lost with the data is given back as if it were there. */
const outlivesTheLoss = onRecord(
  ({ type, rev }, replay) => type === 'session.opened' && rev === 1 && replay.holds.size > 0,
  (history, place) => {
    const granted = history.records.slice(0, place.index).findLast(isGrant) ?? place.record;
    const { epoch, at } = place.record;
    const released = { ...granted, epoch, at, type: 'lock.released' as AuditType };
    return spliced(history, { ...place, index: place.index + 1 }, 0, released);
  },
);

/** The table takes a write of somebody whose lock has passed on. */
const lateWrite: Fault = (history, random) =>
  onOp(
    (op) => {
      const is = op.op === 'write' && op.value.accepted === true;
      return is && history.ops.some((other) => isAfter(other, op));
    },
    (op) => ({ ...op, fence: 1_000 }),
  )(history, random);

const isAfter = (before: Op, op: Op): boolean =>
  before.op === 'write' && before.value.accepted === true && before.key === op.key && before.ret < op.call;

/** The table refuses a write of who holds the lock: a fence went back. */
const holderRefused = onOp(
  (op, history) =>
    op.op === 'write' &&
    op.value.accepted === true &&
    (releaseOf(history, op.fence)?.call ?? 0) > op.ret &&
    history.ops.some(
      ({ fence, value, ret }) => fence === op.fence && value.state === 'granted' && ret < op.call,
    ),
  (op) => ({ ...op, value: { accepted: false } }),
);

/** What was a record becomes a tree as it is upgraded. */
const upgradeGrows = onRecord(
  (record) => isGrant(record) && replacedBy(record) !== undefined && record.details?.['scope'] === 'record',
  (history, place) => {
    const details = { ...place.record.details, scope: 'tree' };
    return spliced(history, place, 1, { ...place.record, details });
  },
);

/** A lock is taken, and whoever takes it has it only after somebody else was served. */
const takenThenLate = onRecord(
  (record, replay) =>
    isGrant(record) &&
    replay.taking === requestOf(record) &&
    replay.waitsAround(record.resource ?? '').size === 0,
  (history, place) => {
    const { record } = place;
    const patient = { ...record, sessionId: 'session-patient' };
    const opened = { ...patient, type: 'session.opened' as AuditType };
    const details = { requestId: 'request-patient', state: 'queued', mode: 'exclusive', scope: 'record' };
    return spliced(history, place, 0, opened, { ...patient, type: 'lock.requested', details });
  },
);

export const MORE_FAULTS: Readonly<Record<string, Fault>> = {
  'a grant of what is kept back': grantedInTheDelay,
  'what is kept back freed too early': freedTooEarly,
  'what is kept back never freed': neverFreed,
  'one of several missing': oneIsMissing,
  'several one by one': oneByOne,
  'several granted, and refused': grantedAndRefused,
  'a break without its record': unrecordedBreak,
  'a lock called lost with the data': falselyLost,
  'a lock that outlives the loss of data': outlivesTheLoss,
  'a late write taken': lateWrite,
  'a write of the holder refused': holderRefused,
  'an upgrade that grows': upgradeGrows,
  'taken over, and granted later': takenThenLate,
};
