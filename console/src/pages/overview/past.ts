import type { AuditRecord, AuditType, EndReason } from '@lastcall/shared';
import { END_REASONS, MAX_PAGE } from '@lastcall/shared';
import type { Api } from '../../data/api.js';

/** Pages of records that are read of each kind at most. */
const MAX_PAGES = 5;
/** Places of the line over time. */
const PLACES = 120;

/** Records of one kind since an instant, the latest first; `isCut`: there are more than were read. */
export interface Kind {
  readonly records: readonly AuditRecord[];
  readonly isCut: boolean;
}

async function kindOf(api: Api, type: AuditType, from: number, signal: AbortSignal): Promise<Kind> {
  const records: AuditRecord[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const next = await api.audit({ type, from }, { limit: MAX_PAGE, ...(cursor ? { cursor } : {}) }, signal);
    records.push(...next.items);
    cursor = next.next;
    if (cursor === undefined) break;
  }
  return { records, isCut: cursor !== undefined };
}

/** What the trail says of a span of time. */
export interface Past {
  readonly from: number;
  readonly to: number;
  readonly opened: Kind;
  readonly ended: Kind;
  readonly granted: Kind;
}

/** Reads what happened since an instant, a limited number of records. @throws {ApiError} */
export async function pastOf(api: Api, from: number, to: number, signal: AbortSignal): Promise<Past> {
  const [opened, ended, granted] = await Promise.all(
    (['session.opened', 'session.ended', 'lock.granted'] as const).map((type) =>
      kindOf(api, type, from, signal),
    ),
  );
  if (!opened || !ended || !granted) throw new Error('Three kinds were asked for');
  return { from, to, opened, ended, granted };
}

/** What the channel has told since the trail was read. */
export function withNews(past: Past, news: readonly AuditRecord[], now: number): Past {
  const add = (kind: Kind, type: AuditType): Kind => {
    const [latest] = kind.records;
    const isNew = (record: AuditRecord): boolean =>
      record.type === type &&
      (!latest || record.epoch > latest.epoch || (record.epoch === latest.epoch && record.rev > latest.rev));
    return { ...kind, records: [...news.filter(isNew), ...kind.records] };
  };
  return {
    ...past,
    to: now,
    opened: add(past.opened, 'session.opened'),
    ended: add(past.ended, 'session.ended'),
    granted: add(past.granted, 'lock.granted'),
  };
}

/** How many were in, over time: counted back from how many are in now. Instants in epoch seconds, as plots have them. */
export function inOverTime(past: Past, countNow: number): readonly [times: number[], counts: number[]] {
  const { opened, ended, to } = past;
  const cutAt = [opened, ended].map(({ records, isCut }) => (isCut ? (records.at(-1)?.at ?? to) : past.from));
  const from = Math.max(past.from, ...cutAt);
  const changes = [
    ...opened.records.map(({ at }) => ({ at, by: 1 })),
    ...ended.records.map(({ at }) => ({ at, by: -1 })),
  ].toSorted((a, b) => b.at - a.at);
  const times: number[] = [];
  const counts: number[] = [];
  let count = countNow;
  let next = 0;
  for (let place = PLACES; place >= 0; place -= 1) {
    const at = from + ((to - from) * place) / PLACES;
    for (let change = changes[next]; change && change.at > at; change = changes[next]) {
      count -= change.by;
      next += 1;
    }
    times.push(at / 1_000);
    counts.push(Math.max(0, count));
  }
  return [times.toReversed(), counts.toReversed()];
}

/** How many sessions ended for which reason, the most frequent first. */
export function endsByReason({ ended }: Past): readonly (readonly [reason: EndReason, count: number])[] {
  const counts = new Map<EndReason, number>();
  for (const { reason } of ended.records) {
    const known = END_REASONS.find((one) => one === reason);
    if (known) counts.set(known, (counts.get(known) ?? 0) + 1);
  }
  return [...counts].toSorted((a, b) => b[1] - a[1]);
}

/** Waits of those that were granted a lock after waiting for it, in milliseconds, the shortest first. */
export function waitsOf({ granted }: Past): readonly number[] {
  return granted.records
    .map(({ details }) => details?.['waited'])
    .filter((waited) => typeof waited === 'number')
    .toSorted((a, b) => a - b);
}

/** The value below which a share of sorted values lies. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
