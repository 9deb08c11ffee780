import type { AuditRecord, AuditType } from '@lastcall/shared';
import type { History, Op } from './format.js';
import { LEASE_FAULTS } from './plant-leases.js';
import { MORE_FAULTS } from './plant-more.js';
import {
  type Fault,
  isEnd,
  isGrant,
  isPlainGrant,
  onOp,
  onRecord,
  places,
  releaseOf,
  spliced,
} from './planting.js';
import { claimOf, Replay, replacedBy, requestOf } from './replay.js';

/** A grant that others hold against: one more holder, of a session that is there and holds nothing of it. */
function intruder(
  mode: 'shared' | 'exclusive',
  of: 'shared' | 'exclusive',
  path: (resource: string) => string,
  scope: string,
): Fault {
  return onRecord(
    (record) =>
      isGrant(record) && claimOf(record).mode === of && (scope === 'any' || claimOf(record).scope === scope),
    (history, place) => {
      const { record } = place;
      const sessionId = 'session-intruder';
      const opened = { ...record, type: 'session.opened' as AuditType, sessionId };
      const details = { requestId: 'request-intruder', mode, scope: 'record' };
      const grant = {
        ...record,
        sessionId,
        resource: path(record.resource ?? ''),
        fence: (record.fence ?? 0) + 1,
        details,
      };
      return spliced(history, { index: place.index + 1, record }, 0, opened, grant);
    },
  );
}

const same = (resource: string): string => resource;

const repeatedFence = onRecord(isGrant, (history, place, random) => {
  const later = places(
    history,
    (record) => isGrant(record) && (record.fence ?? 0) > (place.record.fence ?? 0),
  );
  const target = later.length > 0 ? random.pick(later) : place;
  const { fence = 0 } = later.length > 0 ? place.record : { fence: 1 };
  return spliced(history, target, 1, { ...target.record, fence });
});

/** Not the first grant of all: before it there is nothing to go back from. */
const fenceGoesBack = onRecord(
  (record, replay) => isGrant(record) && replay.holds.size > 0,
  (history, place) => spliced(history, place, 1, { ...place.record, fence: 1_000 }),
);

const grantToTheDead = onRecord(isPlainGrant, (history, place) =>
  spliced(history, place, 0, { ...place.record, type: 'session.ended', reason: 'user' }),
);

const grantOutOfReach = onRecord(
  (record, replay) =>
    isPlainGrant(record) && replay.waitOf(record.sessionId ?? '', requestOf(record)) !== undefined,
  (history, place) =>
    spliced(history, place, 0, {
      ...place.record,
      type: 'session.state',
      details: { from: 'active', to: 'disconnected' },
    }),
);

const isQueuedGrant = (record: AuditRecord, replay: Replay): boolean =>
  isPlainGrant(record) && replay.taking !== requestOf(record);

/** Somebody asked before, and was there. */
const barging = onRecord(isQueuedGrant, (history, place) => {
  const { record } = place;
  const sessionId = 'session-patient';
  const asked = { requestId: 'request-patient', state: 'queued', mode: 'exclusive', scope: 'record' };
  const replay = new Replay();
  for (const before of history.records.slice(0, place.index)) replay.apply(before);
  const wait = replay.waitOf(record.sessionId ?? '', requestOf(record));
  // Before the other one asked, if that one waited.
  const index = wait
    ? history.records.findIndex(
        ({ type, details }) => type === 'lock.requested' && details?.['requestId'] === wait.requestId,
      )
    : place.index;
  const { at } = history.records[index] as AuditRecord;
  const base = { ...record, at, sessionId };
  return spliced(
    history,
    { index, record },
    0,
    { ...base, type: 'session.opened' },
    {
      ...base,
      type: 'lock.requested',
      details: wait?.kind === 'upgrade' ? { ...asked, upgrade: true } : asked,
    },
  );
});

type Told = Pick<AuditRecord, 'type' | 'sessionId' | 'details'>;
const OTHER: Told = { type: 'session.opened', sessionId: 'session-other' };
const PATIENT: Told = { type: 'session.opened', sessionId: 'session-patient' };
const READS = { requestId: 'request-patient', mode: 'shared', scope: 'record', state: 'queued' };
const reading: Told = { ...OTHER, type: 'lock.granted', details: READS };
const WRITES = { ...READS, requestId: 'request-before', mode: 'exclusive' };

const wants = (details: typeof READS): Told => ({ ...PATIENT, type: 'lock.requested', details });

/** At the end a waiter is there, nothing is in its way, and nothing happens. */
const forgotten =
  (...told: readonly Told[]): Fault =>
  (history) => {
    const record = history.records.at(-1) as AuditRecord;
    const fence = Math.max(...history.records.map((one) => one.fence ?? 0)) + 1;
    const records = told.map((one) => ({ ...record, resource: 'free/1', fence, ...one }));
    const later = { ...record, at: record.at + 2_500, type: 'session.state' as AuditType, details: {} };
    return spliced(history, { index: history.records.length, record }, 0, ...records, later);
  };

const forgottenWaiter = forgotten(PATIENT, wants(READS));
/** It could read beside the other one, but stands behind itself, who waits to write. */
const waitsForItself = forgotten(OTHER, reading, PATIENT, wants(WRITES), wants(READS));

/** Told to a client, and not in the trail. */
const lostGrant = onRecord(
  (record) => isGrant(record),
  (history, place) => spliced(history, place, 1),
);

const lostEnd: Fault = (history, random) =>
  onRecord(
    ({ type, fence }) => type === 'lock.released' && releaseOf(history, fence) !== undefined,
    (_, place) => spliced(history, place, 1),
  )(history, random);

const doubleEnd = onRecord(isEnd, (history, place) => spliced(history, place, 0, place.record));

const outlivesSession = onRecord(
  ({ type }) => type === 'lock.lost',
  (history, place) => spliced(history, place, 1),
);

const staleRelease = onRecord(isPlainGrant, (history, place) => {
  const fence = (place.record.fence ?? 0) - 1;
  return spliced(history, { ...place, index: place.index + 1 }, 0, {
    ...place.record,
    type: 'lock.released',
    fence,
  });
});

const foreignRelease = onRecord(
  ({ type }) => type === 'lock.released',
  (history, place) => spliced(history, place, 1, { ...place.record, sessionId: 'session-foreign' }),
);

/** The upgrade is granted although somebody reads on. */
const upgradeWithReader = onRecord(
  (record) => isGrant(record) && claimOf(record).mode === 'exclusive' && replacedBy(record) !== undefined,
  (history, place) => {
    const { record } = place;
    const reader = { ...record, sessionId: 'session-reader', fence: (record.fence ?? 0) - 1 };
    const details = { requestId: 'request-reader', mode: 'shared', scope: 'record' };
    return spliced(history, place, 0, { ...reader, type: 'session.opened' }, { ...reader, details });
  },
);

const twiceGranted = onRecord(isPlainGrant, (history, place) => {
  const { record } = place;
  const released = { ...record, type: 'lock.released' as AuditType };
  return spliced(history, { index: place.index + 1, record }, 0, released, {
    ...record,
    fence: (record.fence ?? 0) + 1,
  });
});

/** Whether something was asked for and granted before an operation, which so cannot have been at the very beginning. */
const hasPast = (op: Op, { ops }: History): boolean =>
  ops.some((earlier) => earlier.value.state === 'granted' && earlier.call > 1 && earlier.ret < op.call);

/** A client gave it back long before the trail has it. */
const releasedEarly = onOp(
  (op, history) => op.op === 'release' && op.value.released === true && hasPast(op, history),
  (op) => ({ ...op, call: 0, ret: 1 }),
);

const staleCheck = onOp(
  (op, history) =>
    op.op === 'release' && op.value.released === false && releaseOf(history, op.fence) !== undefined,
  (op) => ({ ...op, op: 'check', value: { valid: true } }),
);

const refusedHeld = onOp(
  (op, history) => {
    const isLater = (releaseOf(history, op.fence)?.call ?? 0) > op.ret;
    const isKnown = history.ops.some(
      ({ fence, value, ret }) => fence === op.fence && value.state === 'granted' && ret < op.call,
    );
    return op.op === 'check' && op.value.valid === true && isLater && isKnown;
  },
  (op) => ({ ...op, op: 'release', value: { released: false } }),
);

const grantBeforeCall = onOp(
  (op, history) => op.op === 'acquire' && op.value.state === 'granted' && hasPast(op, history),
  (op) => ({ ...op, call: 0, ret: 1 }),
);

const foreignFence = onOp(
  (op) => op.op === 'granted' || (op.op === 'acquire' && op.fence !== undefined),
  (op) => ({ ...op, session: 'session-foreign' }),
);

export const FAULTS: Readonly<Record<string, Fault>> = {
  'two writers': intruder('exclusive', 'exclusive', same, 'any'),
  'a writer among readers': intruder('exclusive', 'shared', same, 'any'),
  'a reader beside a writer': intruder('shared', 'exclusive', same, 'any'),
  'a child under a foreign tree': intruder('shared', 'exclusive', (resource) => `${resource}/child`, 'tree'),
  'an upgrade with another reader': upgradeWithReader,
  'a repeated fence': repeatedFence,
  'a fence that goes back': fenceGoesBack,
  'a grant to the dead': grantToTheDead,
  'a grant to a waiter out of reach': grantOutOfReach,
  barging: barging,
  'a forgotten waiter': forgottenWaiter,
  'a waiter behind itself': waitsForItself,
  'a lost grant': lostGrant,
  'a lost end': lostEnd,
  'a double end': doubleEnd,
  'a lock that outlives its session': outlivesSession,
  'a stale release accepted': staleRelease,
  'a release by another session': foreignRelease,
  'a request granted twice': twiceGranted,
  'a release before its time': releasedEarly,
  'a stale fence called valid': staleCheck,
  'a holder refused': refusedHeld,
  'a grant before it was asked for': grantBeforeCall,
  'a grant to somebody else': foreignFence,
  ...MORE_FAULTS,
  ...LEASE_FAULTS,
};
