import type { AuditRecord } from '@lastcall/shared';
import type { History } from '../support/histories/format.js';
import type { Evidence } from './evidence.js';

export const of = (records: readonly AuditRecord[], type: AuditRecord['type']): readonly AuditRecord[] =>
  records.filter((record) => record.type === type);

export const loses = ({ nemeses }: Evidence): boolean =>
  nemeses.some((nemesis) => nemesis.loses !== undefined);

export const bends = ({ nemeses }: Pick<Evidence, 'nemeses'>): boolean =>
  nemeses.some(({ bendsTime }) => bendsTime === true);

const hasOneEpoch = ({ records }: Evidence): boolean => new Set(records.map(({ epoch }) => epoch)).size < 2;

/** What a wait means needs the whole trail, and its clock. */
export const whole = (evidence: Evidence): boolean =>
  !loses(evidence) && !bends(evidence) && hasOneEpoch(evidence);

/** Whether brokers and Redis went on as ever: what is promised of them without a fault holds, too. */
export const healthy = ({ nemeses }: Evidence): boolean =>
  nemeses.every(({ sparesBrokers }) => sparesBrokers);

/** The trail and what people did, as the checkers of histories want it. */
export function historyOf({ seed, records }: Evidence, ops: Evidence['ops']): History {
  return { header: { kind: 'header', version: 1, seed, settings: {}, versions: {} }, ops, records };
}
