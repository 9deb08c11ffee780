import type { AuditRecord } from '@lastcall/shared';
import { legalHistory } from './generate.js';
import { type Fault, isGrant, onRecord, places } from './planting.js';
import { claimOf, conflict, type Replay, replacedBy, requestOf } from './replay.js';

/** Faults that only leases bring to light: of these no record tells. */

/** Such a fault in a history of people whose leases are known. */
const withLeases =
  (plant: Fault): Fault =>
  ({ header }, random) =>
    plant(legalHistory(header.seed, undefined, true), random);

/** Whether somebody older was passed over: in a legal history, because their lease had run out. */
function passesOver(record: AuditRecord, replay: Replay): boolean {
  if (!isGrant(record) || replacedBy(record) !== undefined) return false;
  if (replay.taking === requestOf(record)) return false;
  const claim = claimOf(record);
  const { ticket = Number.POSITIVE_INFINITY } = replay.waitOf(claim.session, requestOf(record)) ?? {};
  return [...replay.waitsAround(claim.resource)].some(
    (wait) =>
      wait.ticket < ticket && conflict(wait, claim) && replay.sessions.get(wait.session) === 'reachable',
  );
}

/** They had their leases all the same. */
const passedInReach = withLeases((history, random) => {
  const found = places(history, passesOver);
  if (found.length === 0) return undefined;
  const { index, record } = random.pick(found);
  const all = new Set(history.records.slice(0, index).flatMap(({ sessionId }) => sessionId ?? []));
  const lease = { kind: 'lease', at: record.at, until: record.at, after: index } as const;
  const more = [...all].map((session) => ({ ...lease, session }));
  const leases = [...(history.leases ?? []), ...more].toSorted((one, other) => one.after - other.after);
  return { ...history, leases };
});

/** Whoever waited had fallen silent long before. */
const grantedInSilence = withLeases(
  onRecord(
    (record, replay) =>
      isGrant(record) && replay.waitOf(record.sessionId ?? '', requestOf(record)) !== undefined,
    (history, { index, record }) => {
      const leases = (history.leases ?? []).filter(
        ({ session, after }) => session !== record.sessionId || after > index,
      );
      return { ...history, leases };
    },
  ),
);

export const LEASE_FAULTS: Readonly<Record<string, Fault>> = {
  'past somebody with a lease': passedInReach,
  'a grant to a waiter without a lease': grantedInSilence,
};
