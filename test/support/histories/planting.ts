import type { AuditRecord } from '@lastcall/shared';
import type { Random } from '../random.js';
import type { History, Op } from './format.js';
import { END_TYPES, Replay, replacedBy } from './replay.js';

/** Spoils a history in one place; undefined where there is no place for it. */
export type Fault = (history: History, random: Random) => History | undefined;

export interface Place {
  readonly index: number;
  readonly record: AuditRecord;
}

/** The records at which something is so, with the state of things before each. */
export function places(history: History, wanted: (record: AuditRecord, replay: Replay) => boolean): Place[] {
  const replay = new Replay();
  return history.records.flatMap((record, index) => {
    const is = wanted(record, replay);
    replay.apply(record);
    return is ? [{ index, record }] : [];
  });
}

/** Puts records before a place, or in place of it, and numbers them anew. */
export function spliced(
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
  const shift = added.length - removed;
  const leases = history.leases?.map((lease) =>
    lease.after > index ? { ...lease, after: lease.after + shift } : lease,
  );
  return { ...history, records: numbered, ...(leases ? { leases } : {}) };
}

export const onRecord =
  (
    wanted: (record: AuditRecord, replay: Replay) => boolean,
    spoil: (history: History, place: Place, random: Random) => History,
  ): Fault =>
  (history, random) => {
    const found = places(history, wanted);
    return found.length === 0 ? undefined : spoil(history, random.pick(found), random);
  };

export const onOp =
  (wanted: (op: Op, history: History) => boolean, spoil: (op: Op) => Op): Fault =>
  (history, random) => {
    const found = history.ops.filter((op) => wanted(op, history));
    if (found.length === 0) return undefined;
    const chosen = random.pick(found);
    return { ...history, ops: history.ops.map((op) => (op === chosen ? spoil(op) : op)) };
  };

export const isGrant = ({ type }: AuditRecord): boolean => type === 'lock.granted';
export const isEnd = ({ type }: AuditRecord): boolean => END_TYPES.has(type);
export const isPlainGrant = (record: AuditRecord): boolean =>
  isGrant(record) && replacedBy(record) === undefined;

/** The answered release of a lock. */
export const releaseOf = ({ ops }: History, fence: number | undefined): Op | undefined =>
  ops.find((op) => op.op === 'release' && op.fence === fence && op.value.released === true);
