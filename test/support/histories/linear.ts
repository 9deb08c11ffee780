import type { AuditRecord } from '@lastcall/shared';
import { type Checker, nameOf } from './checks.js';
import type { History, Op } from './format.js';
import { END_TYPES, replacedBy, requestOf } from './replay.js';

/**
 * Linearizability: every operation took effect at one instant between its call and its answer, and all of them together
 * as if one after the other.
 *
 * To search for such an order (as Wing and Gong, and Lowe, do) costs exponential time with many concurrent clients and
 * operations without an answer. The product hands over the order itself: every change has its record, written in the
 * same script, and the records have a total order. So the order need not be found but only verified, which is as
 * strong (an order that passes is a linearization) and stronger in one respect: another order that would do does not
 * excuse the trail from being wrong. That the records alone make sense is what `exclusion`, `ends` and `queue` check.
 *
 * What is left is a schedule: an instant for each record, in their order, each within the window that clients give it,
 * and for each operation that only looks (a check, a refusal with its blockers, a refused release) an instant within
 * its own window and within the hold that it saw, or after it. All constraints are of the kind "not before", so that
 * giving everything the earliest instant it can have decides it in one pass. An operation without an answer has no
 * upper bound. Instants of Redis' clock are not compared with those of clients.
 */
export const linear: Checker = (history) => {
  const found: string[] = [];
  const trail = new Trail(history.records);
  for (const op of history.ops) {
    const problem = trail.take(op);
    if (problem !== undefined) found.push(problem);
  }
  return [...found, ...trail.schedule(), ...repeated(history)];
};

/** A request has one effect, however often it is sent. */
function repeated({ records }: History): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  for (const record of records) {
    if (record.type !== 'lock.granted' || replacedBy(record) !== undefined) continue;
    const request = `${record.sessionId} ${requestOf(record)} ${record.resource}`;
    if (seen.has(request)) found.push(`${nameOf(record)}: the request was granted before`);
    seen.add(request);
  }
  return found;
}

interface Point {
  readonly record: AuditRecord;
  lo: number;
  hi: number;
  at: number;
  /** What saw the hold that ends here, and so came before. */
  readonly readers: { readonly op: Op; readonly grant: Point }[];
  /** What saw that it was over. */
  readonly followers: Op[];
}

class Trail {
  readonly #points: Point[] = [];
  readonly #grants = new Map<number, Point>();
  readonly #ends = new Map<number, Point>();
  readonly #requests = new Map<string, Point[]>();
  /** When requests were first sent. */
  readonly #calls = new Map<string, number>();
  readonly #sessions = new Map<string, Point>();
  /** Grants by what a refusal says of them; undefined where two look the same. */
  readonly #named = new Map<string, number | undefined>();
  readonly #open: { readonly op: Op; readonly grant: Point }[] = [];

  constructor(records: readonly AuditRecord[]) {
    for (const record of records) {
      const point = { record, lo: 0, hi: Number.POSITIVE_INFINITY, at: 0, readers: [], followers: [] };
      this.#points.push(point);
      this.#note(point);
    }
  }

  #note(point: Point): void {
    const { type, fence = 0, sessionId = '', resource = '', at } = point.record;
    if (type === 'session.ended') this.#sessions.set(sessionId, point);
    if (END_TYPES.has(type)) this.#ends.set(fence, this.#ends.get(fence) ?? point);
    if (type !== 'lock.granted') return;
    this.#grants.set(fence, point);
    const replaced = replacedBy(point.record);
    if (replaced !== undefined) this.#ends.set(replaced, point);
    const request = `${sessionId} ${requestOf(point.record)}`;
    this.#requests.set(request, [...(this.#requests.get(request) ?? []), point]);
    const name = `${sessionId} ${resource} ${at}`;
    this.#named.set(name, this.#named.has(name) ? undefined : fence);
  }

  /** Puts an operation's window to the record of its effect. Answers what is wrong with it by itself. */
  take(op: Op): string | undefined {
    const { fence = 0, type, value } = op;
    if (op.op === 'acquire' || op.op === 'upgrade' || op.op === 'takeover') this.#sent(op);
    if (type === 'info') return undefined;
    switch (op.op) {
      case 'acquire':
      case 'upgrade':
      case 'takeover':
      case 'granted':
        if (type === 'fail') this.#blocked(op);
        return op.fence === undefined ? undefined : this.#within(this.#grants.get(fence), op, 'grant');
      case 'release':
        return value.released ? this.#released(op) : this.#notHeld(op);
      case 'lost':
        return this.#within(this.#ends.get(fence), op, 'end');
      case 'check':
        if (value.valid) this.#saw(op, fence);
        return value.valid && !this.#grants.has(fence)
          ? `${nameOp(op)}: valid, and never granted`
          : undefined;
      case 'end':
        return type === 'fail' ? undefined : this.#within(this.#sessions.get(op.session), op, 'end');
      case 'cancel':
      case 'drop':
        return undefined;
      default:
        return `${nameOp(op)}: nobody knows what that is`;
    }
  }

  /** Whatever came of a request came after it was first sent, answered or not. */
  #sent({ session, opId, call }: Op): void {
    const request = `${session} ${opId}`;
    const before = this.#calls.get(request) ?? Number.POSITIVE_INFINITY;
    if (call >= before) return;
    this.#calls.set(request, call);
    for (const point of this.#requests.get(request) ?? []) point.lo = call;
  }

  #within(point: Point | undefined, op: Op, what: string): string | undefined {
    if (!point) return `${nameOp(op)}: its ${what} was never recorded`;
    // A grant may be of an earlier request (its own gives the lower bound), and a push tells of what was before.
    if (op.op === 'release' || op.op === 'end') point.lo = Math.max(point.lo, op.call);
    point.hi = Math.min(point.hi, op.ret);
    return undefined;
  }

  #released(op: Op): string | undefined {
    const end = this.#ends.get(op.fence ?? 0);
    if (end && end.record.type !== 'lock.released')
      return `${nameOp(op)}: released, but ${nameOf(end.record)} ended it`;
    return this.#within(end, op, 'release');
  }

  /** It must have been over by then, if its holder knew that it had been granted. */
  #notHeld(op: Op): string | undefined {
    const grant = this.#grants.get(op.fence ?? 0);
    if (!grant || grant.record.resource !== op.key || grant.record.sessionId !== op.session) return undefined;
    if (grant.hi > op.call) return undefined;
    const end = this.#ends.get(op.fence ?? 0);
    if (!end) return `${nameOp(op)}: refused, and the lock never ended`;
    end.followers.push(op);
    return undefined;
  }

  #blocked(op: Op): void {
    for (const { sessionId, resource, grantedAt } of op.value.blockers ?? []) {
      const fence = this.#named.get(`${sessionId} ${resource} ${grantedAt}`);
      if (fence !== undefined) this.#saw(op, fence);
    }
  }

  /** It saw a hold: after its grant, before its end. */
  #saw(op: Op, fence: number): void {
    const grant = this.#grants.get(fence);
    if (!grant) return;
    const end = this.#ends.get(fence);
    if (end) end.readers.push({ op, grant });
    else this.#open.push({ op, grant });
  }

  /** Gives everything its earliest instant; what cannot have one is wrong. */
  schedule(): string[] {
    const found: string[] = [];
    let now = 0;
    const look = (op: Op, from: number, what: string): number => {
      const at = Math.max(op.call, from);
      if (at > op.ret) found.push(`${nameOp(op)}: ${what}`);
      return Math.min(at, op.ret);
    };
    for (const point of this.#points) {
      for (const { op, grant } of point.readers) {
        now = Math.max(now, look(op, grant.at, `saw ${nameOf(grant.record)} before it was`));
      }
      now = Math.max(now, point.lo);
      if (now > point.hi) {
        found.push(`${nameOf(point.record)}: known to a client before it can have been`);
        now = point.hi;
      }
      point.at = now;
      for (const op of point.followers) look(op, point.at, `refused before ${nameOf(point.record)}`);
    }
    for (const { op, grant } of this.#open) look(op, grant.at, `saw ${nameOf(grant.record)} before it was`);
    return found;
  }
}

const nameOp = ({ proc, op, opId, key }: Op): string => `${proc} ${op} ${opId} of ${key}`;
