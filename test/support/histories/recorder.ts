import { execFileSync } from 'node:child_process';
import type { AuditRecord, WireError } from '@lastcall/shared';
import type { Header, History, Lease, Op } from './format.js';

export const nowNs = (): number => Number(process.hrtime.bigint());

type Known = Pick<Op, 'op' | 'opId' | 'key' | 'session'> & Partial<Pick<Op, 'fence' | 'call'>>;
type Seen = Pick<Op, 'type' | 'value'> & Partial<Pick<Op, 'fence' | 'storeTime'>>;

/** Notes what one client does and sees. */
export class Recorder {
  readonly ops: Op[] = [];
  readonly proc: string;

  constructor(proc: string) {
    this.proc = proc;
  }

  note(known: Known, seen: Seen): void {
    const ret = nowNs();
    this.ops.push({ kind: 'op', proc: this.proc, call: ret, ret, ...known, ...seen });
  }

  /** Carries an operation out; without an answer nobody knows whether it happened. */
  async during<T>(
    known: Known,
    carryOut: () => Promise<T>,
    seen: (answer: T) => Seen,
  ): Promise<T | undefined> {
    const call = nowNs();
    try {
      const answer = await carryOut();
      this.note({ ...known, call }, seen(answer));
      return answer;
    } catch {
      this.note({ ...known, call }, { type: 'info', value: {} });
      return undefined;
    }
  }
}

/** What a refusal says, as far as it can be checked. */
export function refusalOf(error: WireError): Seen {
  const blockers = (error.blockers ?? []).map(({ sessionId, resource, grantedAt }) => ({
    sessionId,
    resource,
    grantedAt,
  }));
  return { type: 'fail', value: { code: error.code, ...(blockers.length > 0 ? { blockers } : {}) } };
}

/** What a run was made with. `isReal`: with a redis-server, whatever the suite is on. */
export function versions(
  isReal = process.env['LASTCALL_REDIS_URL'] !== undefined,
): Readonly<Record<string, string>> {
  let redis = 'embedded';
  if (isReal) {
    redis =
      /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  }
  return { node: process.version, redis };
}

export function historyOfRun(
  header: Pick<Header, 'seed' | 'settings' | 'versions'>,
  ops: readonly Op[],
  records: readonly AuditRecord[],
  leases?: readonly Lease[],
): History {
  return {
    header: { kind: 'header', version: 1, ...header },
    ops: ops.toSorted((one, other) => one.ret - other.ret),
    records,
    ...(leases ? { leases } : {}),
  };
}
