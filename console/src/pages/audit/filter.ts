import { AUDIT_TYPES, type AuditRecord, type AuditType } from '@lastcall/shared';
import type { AuditFilter } from '../../data/api.js';
import { go, usePlace } from '../../shell/route.js';

/** What is looked for, as the address has it: all texts, instants as `datetime-local` fields write them. */
export interface Search {
  readonly user: string;
  readonly session: string;
  readonly type: AuditType | '';
  readonly from: string;
  readonly to: string;
}

const isType = (text: string): text is AuditType => AUDIT_TYPES.some((type) => type === text);

/** Epoch milliseconds of a local date and time; undefined for none. */
function instantOf(text: string): number | undefined {
  const at = new Date(text).getTime();
  return Number.isNaN(at) ? undefined : at;
}

export function filterOf({ user, session, type, from, to }: Search): AuditFilter {
  const [fromAt, toAt] = [instantOf(from), instantOf(to)];
  return {
    ...(user === '' ? {} : { user }),
    ...(session === '' ? {} : { session }),
    ...(type === '' ? {} : { type }),
    ...(fromAt === undefined ? {} : { from: fromAt }),
    ...(toAt === undefined ? {} : { to: toAt }),
  };
}

/** Whether a record that the channel told of is looked for. */
export function isFound(filter: AuditFilter, record: AuditRecord): boolean {
  const { session, user, type, from = 0, to = Number.POSITIVE_INFINITY } = filter;
  return (
    (session === undefined || record.sessionId === session) &&
    (user === undefined || record.user?.id === user || record.by.id === user) &&
    (type === undefined || record.type === type) &&
    record.at >= from &&
    record.at < to
  );
}

/** The search that the address holds, and a way to change it. */
export function useSearch() {
  const { query } = usePlace();
  const read = (name: keyof Search): string => query.get(name) ?? '';
  const type = read('type');
  const search: Search = {
    user: read('user'),
    session: read('session'),
    type: isType(type) ? type : '',
    from: read('from'),
    to: read('to'),
  };
  const change = (changed: Partial<Search>): void => go('audit', '', { ...search, ...changed });
  return { search, change };
}
