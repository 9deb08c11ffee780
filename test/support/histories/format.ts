import { readFileSync, writeFileSync } from 'node:fs';
import type { AuditRecord, LockMode, LockScope } from '@lastcall/shared';

/**
 * A history is a file of JSON lines: a header, what clients did and saw (`op`), what the broker recorded (`record`, in
 * the order of the stream), where it can be seen each writing of a lease (`lease`), and a last line with the counts, without
 * which it was cut off.
 */

export const OP_NAMES = [
  'acquire',
  'acquireMany',
  'upgrade',
  'takeover',
  'granted',
  'lost',
  'release',
  'cancel',
  'check',
  'end',
  'drop',
  'break',
  'write',
] as const;

export interface Header {
  readonly kind: 'header';
  readonly version: 1;
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, number | string>>;
}

/** Somebody who stands in the way, as a refusal names them. */
export interface Blocker {
  readonly sessionId: string;
  readonly resource: string;
  readonly grantedAt: number;
}

export interface OpValue {
  readonly mode?: LockMode;
  readonly scope?: LockScope;
  readonly state?: 'granted' | 'queued' | 'asked';
  readonly released?: boolean;
  readonly valid?: boolean;
  /** Whether the guarded table took a write. */
  readonly accepted?: boolean;
  /** Whether an administrator found anything to break. */
  readonly broken?: boolean;
  /** Why a lock was lost. */
  readonly reason?: string;
  readonly code?: string;
  readonly blockers?: readonly Blocker[];
}

/**
 * What one client did. `call` and `ret` are nanoseconds on the monotonic clock of the machine, which its processes
 * share. A push (`granted`, `lost`) was called when what it answers was, and returned when it arrived. Several locks
 * that are asked for at once are one operation for each, with the id of their request.
 */
export interface Op {
  readonly kind: 'op';
  readonly proc: string;
  readonly session: string;
  readonly op: (typeof OP_NAMES)[number];
  /** The request's id where it has one: repeated requests share it. */
  readonly opId: string;
  readonly key: string;
  readonly call: number;
  readonly ret: number;
  /** `info`: no answer came, so it may have happened or not, then or later. */
  readonly type: 'ok' | 'fail' | 'info';
  readonly value: OpValue;
  readonly fence?: number;
  /** Instant of the grant on Redis' clock. */
  readonly storeTime?: number;
}

/** A session's lease was written – by its opening, a heartbeat, or its return –, or was seen to be gone. */
export interface Lease {
  readonly kind: 'lease';
  readonly session: string;
  readonly at: number;
  /** The last instant of it as far as is known; of one that is gone, 0. */
  readonly until: number;
  /** How many records were written before. */
  readonly after: number;
}

export interface History {
  readonly header: Header;
  readonly ops: readonly Op[];
  readonly records: readonly AuditRecord[];
  /** Every one, in their order; absent: they were not looked at. */
  readonly leases?: readonly Lease[];
}

export function textOf({ header, ops, records, leases }: History): string {
  const lines = [
    header,
    ...ops,
    ...records.map((record) => ({ kind: 'record', record })),
    ...(leases ?? []),
    { kind: 'end', ops: ops.length, records: records.length, leases: leases?.length },
  ];
  return `${lines.map((line) => JSON.stringify(line)).join('\n')}\n`;
}

type Line =
  | Header
  | Op
  | Lease
  | { readonly kind: 'record'; readonly record: AuditRecord }
  | { readonly kind: 'end'; readonly ops: number; readonly records: number; readonly leases?: number };

const KINDS: ReadonlySet<unknown> = new Set<Line['kind']>(['header', 'op', 'record', 'lease', 'end']);

function lineOf(text: string, number: number): Line {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    throw new Error(`line ${number} is no JSON: keep one object a line`);
  }
  const kind = (line as { kind?: unknown } | null)?.kind;
  if (!KINDS.has(kind)) {
    throw new Error(`line ${number} is of no known kind: header, op, record, lease or end`);
  }
  const parsed = line as Line;
  if (parsed.kind === 'op' && !OP_NAMES.includes(parsed.op)) {
    throw new Error(`line ${number} has an operation of no known name: ${parsed.op}`);
  }
  if (parsed.kind === 'op' && !(parsed.call <= parsed.ret)) {
    throw new Error(`line ${number} returned before it was called, or has no times`);
  }
  return parsed;
}

/** @throws Error that names the line which is not of a history, or says that it was cut off */
export function historyFrom(text: string): History {
  const lines = text.split('\n').filter((line) => line !== '');
  const [header, ...rest] = lines.map((line, index) => lineOf(line, index + 1));
  if (header?.kind !== 'header' || header.version !== 1) {
    throw new Error('it does not begin with a header of version 1');
  }
  const last = rest.at(-1);
  const ops = rest.filter((line) => line.kind === 'op');
  const records = rest.filter((line) => line.kind === 'record').map(({ record }) => record);
  const leases = rest.filter((line) => line.kind === 'lease');
  const isWhole =
    last?.kind === 'end' &&
    last.ops === ops.length &&
    last.records === records.length &&
    (last.leases ?? 0) === leases.length;
  if (!isWhole)
    throw new Error('it was cut off: its last line does not tell how much of everything there is');
  return { header, ops, records, ...(last.leases === undefined ? {} : { leases }) };
}

export const readHistory = (path: string): History => historyFrom(readFileSync(path, 'utf8'));

export const writeHistory = (path: string, history: History): void => writeFileSync(path, textOf(history));
