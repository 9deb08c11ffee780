import type { AuditRecord } from '@lastcall/shared';
import type { Evidence } from './evidence.js';
import { of } from './facts.js';

/** A descriptor or two more than before may be a connection that is being made. */
const SPARE_DESCRIPTORS = 12;

export function lostOf(evidence: Evidence): string[] {
  const { records, opened, given, orders, ops } = evidence;
  const known = new Set(of(records, 'session.opened').map(({ sessionId }) => sessionId));
  const granted = new Set(of(records, 'lock.granted').map(({ fence }) => fence));
  const kept = new Set(orders.map(({ order }) => order.id));
  return [
    ...[...opened.keys()].filter((id) => !known.has(id)).map((id) => `session ${id} was welcomed`),
    ...ops.flatMap(({ type, fence, key }) =>
      type === 'ok' && fence && !granted.has(fence) ? [`fence ${fence} of ${key} was granted`] : [],
    ),
    ...given.flatMap(({ answers }) =>
      answers.flatMap(({ id }) => (id !== undefined && !kept.has(id) ? [`order ${id} was given`] : [])),
    ),
  ].map((line) => `${line}, and is not there`);
}

export function secretsIn({ secrets, logs, records }: Evidence): string[] {
  const text = logs + JSON.stringify(records);
  return secrets
    .filter((secret) => text.includes(secret))
    .map((secret) => `a secret (${secret.slice(0, 8)}…) is written down`);
}

export function leftovers({ leftKeys, descriptors }: Evidence): string[] {
  return [
    ...leftKeys.map((key) => `${key} is left`),
    ...descriptors
      .filter(({ before, after }) => after > before + SPARE_DESCRIPTORS)
      .map(({ before, after }) => `a broker had ${before} descriptors open, and has ${after}`),
  ];
}

export function gapsOf(records: readonly AuditRecord[]): string[] {
  return records.flatMap(({ rev, epoch }, i) => {
    const before = records[i - 1];
    return before && before.epoch === epoch && rev !== before.rev + 1 ? [`${rev} follows ${before.rev}`] : [];
  });
}
