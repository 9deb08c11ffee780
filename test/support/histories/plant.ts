import type { AuditRecord, AuditType } from '@lastcall/shared';
import type { Random } from '../random.js';
import type { History, Op } from './format.js';
import { claimOf, END_TYPES, Replay, replacedBy, requestOf } from './replay.js';

/** Spoils a history in one place; undefined where there is no place for it. */
type Fault = (history: History, random: Random) => History | undefined;

interface Place {
  readonly index: number;
  readonly record: AuditRecord;
}

/** The records at which something is so, with the state of things before each. */
function places(history: History, wanted: (record: AuditRecord, replay: Replay) => boolean): Place[] {
  const replay = new Replay();
  return history.records.flatMap((record, index) => {
    const is = wanted(record, replay);
    replay.apply(record);
    return is ? [{ index, record }] : [];
  });
}

/** Puts records before a place, or in place of it, and numbers them anew. */
function spliced(
  history: History,
  { index }: Place,
  removed: number,
  ...added: readonly AuditRecord[]
): History {
  const records = history.records.toSpliced(index, removed, ...added);
  const revs = new Map<number, number>();
  const numbered = records.map((record) => {
    const rev = (revs.get(record.epoch) ?? 0) + 1;
    revs.set(record.epoch, rev);
    return { ...record, rev };
  });
  return { ...history, records: numbered };
}

const onRecord =
  (
    wanted: (record: AuditRecord, replay: Replay) => boolean,
    spoil: (history: History, place: Place, random: Random) => History,
  ): Fault =>
  (history, random) => {
    const found = places(history, wanted);
    return found.length === 0 ? undefined : spoil(history, random.pick(found), random);
  };

const onOp =
  (wanted: (op: Op, history: History) => boolean, spoil: (op: Op) => Op): Fault =>
  (history, random) => {
    const found = history.ops.filter((op) => wanted(op, history));
    if (found.length === 0) return undefined;
    const chosen = random.pick(found);
    return { ...history, ops: history.ops.map((op) => (op === chosen ? spoil(op) : op)) };
  };

const isGrant = ({ type }: AuditRecord): boolean => type === 'lock.granted';
const isEnd = ({ type }: AuditRecord): boolean => END_TYPES.has(type);
const isPlainGrant = (record: AuditRecord): boolean => isGrant(record) && replacedBy(record) === undefined;

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

const fenceGoesBack = onRecord(isGrant, (history, place) =>
  spliced(history, place, 1, { ...place.record, fence: 1_000 }),
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
  isPlainGrant(record) && !replay.taken.has(requestOf(record));

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

/** A waiter is there, nothing is in the way, and nothing happens. */
const forgottenWaiter: Fault = (history, random) =>
  onRecord(
    ({ epoch }) => epoch === history.records.at(-1)?.epoch,
    (_, place) => {
      const last = history.records.at(-1) as AuditRecord;
      const base = { ...place.record, sessionId: 'session-patient', resource: 'free/1' };
      const details = { requestId: 'request-patient', state: 'queued', mode: 'shared', scope: 'record' };
      const opened = { ...base, type: 'session.opened' as AuditType };
      const asked = { ...base, type: 'lock.requested' as AuditType, details };
      const spoilt = spliced(history, place, 0, opened, asked);
      const later = { ...last, at: last.at + 2_500, type: 'session.state' as AuditType, details: {} };
      return spliced(spoilt, { index: spoilt.records.length, record: last }, 0, later);
    },
  )(history, random);

/** The answered release of a lock. */
const releaseOf = ({ ops }: History, fence: number | undefined): Op | undefined =>
  ops.find((op) => op.op === 'release' && op.fence === fence && op.value.released === true);

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
};
