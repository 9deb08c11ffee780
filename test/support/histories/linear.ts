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
  const trail = new Trail(history.records, history.ops);
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
  let epoch = 0;
  for (const record of records) {
    // What became of requests was lost with everything else.
    if (record.epoch !== epoch && record.rev === 1) seen.clear();
    epoch = record.epoch;
    if (record.type !== 'lock.granted' || replacedBy(record) !== undefined) continue;
    const request = `${record.sessionId} ${requestOf(record)} ${record.resource}`;
    if (seen.has(request)) found.push(`${nameOf(record)}: the request was granted before`);
    seen.add(request);
  }
  return found;
}

const ASKING = new Set<Op['op']>(['acquire', 'acquireMany', 'upgrade', 'takeover']);

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
  /** Where it stands in nobody's way any more: later than its end, if it is kept back meanwhile. */
  readonly #gone = new Map<number, Point>();
  readonly #breaks = new Map<string, Point[]>();
  readonly #requests = new Map<string, Point[]>();
  /** When requests were first sent. */
  readonly #calls = new Map<string, number>();
  readonly #sessions = new Map<string, Point>();
  /** Grants by what a refusal says of them; undefined where two look the same. */
  readonly #named = new Map<string, number | undefined>();
  readonly #open: { readonly op: Op; readonly grant: Point }[] = [];
  /** Writes that a guarded table took, by what was written to. */
  readonly #taken = new Map<string, Op[]>();

  constructor(records: readonly AuditRecord[], ops: readonly Op[]) {
    for (const op of ops) {
      if (op.op !== 'write' || op.value.accepted !== true) continue;
      this.#taken.set(op.key, [...(this.#taken.get(op.key) ?? []), op]);
    }
    let epoch = 0;
    for (const record of records) {
      const point = { record, lo: 0, hi: Number.POSITIVE_INFINITY, at: 0, readers: [], followers: [] };
      this.#points.push(point);
      if (record.epoch !== epoch && record.rev === 1) this.#loseAll(point);
      epoch = record.epoch;
      this.#note(point);
    }
  }

  /** What was held before a new beginning ended before it. */
  #loseAll(point: Point): void {
    for (const fence of this.#grants.keys()) {
      if (!this.#ends.has(fence)) this.#ends.set(fence, point);
      if (!this.#gone.has(fence)) this.#gone.set(fence, point);
    }
  }

  #note(point: Point): void {
    const { type, fence = 0, sessionId = '', resource = '', at, reason = '' } = point.record;
    if (type === 'session.ended') this.#sessions.set(sessionId, point);
    if (type === 'lock.broken') this.#breaks.set(reason, [...(this.#breaks.get(reason) ?? []), point]);
    if (END_TYPES.has(type)) {
      this.#ends.set(fence, this.#ends.get(fence) ?? point);
      this.#gone.set(fence, point);
    }
    if (type !== 'lock.granted') return;
    this.#grants.set(fence, point);
    const replaced = replacedBy(point.record);
    if (replaced !== undefined) {
      this.#ends.set(replaced, point);
      this.#gone.set(replaced, point);
    }
    const request = `${sessionId} ${requestOf(point.record)}`;
    this.#requests.set(request, [...(this.#requests.get(request) ?? []), point]);
    const name = `${sessionId} ${resource} ${at}`;
    this.#named.set(name, this.#named.has(name) ? undefined : fence);
  }

  /** Puts an operation's window to the record of its effect. Answers what is wrong with it by itself. */
  take(op: Op): string | undefined {
    const { fence = 0, type, value } = op;
    if (ASKING.has(op.op)) this.#sent(op);
    if (op.op === 'break') return this.#broke(op);
    if (type === 'info') return undefined;
    switch (op.op) {
      case 'acquire':
      case 'acquireMany':
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
        if (value.valid) this.#saw(op, fence, this.#ends);
        return value.valid && !this.#grants.has(fence)
          ? `${nameOp(op)}: valid, and never granted`
          : undefined;
      case 'end':
        return type === 'fail' ? undefined : this.#within(this.#sessions.get(op.session), op, 'end');
      case 'write':
        return value.accepted === false ? this.#writeRefused(op) : undefined;
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

  /** The table has seen a later grant by then, so that this one was over, unless that was its holder's own. */
  #writeRefused(op: Op): string | undefined {
    if (this.#hasWrittenSince(op)) return undefined;
    const end = this.#ends.get(op.fence ?? 0);
    if (!end) return `${nameOp(op)}: refused, and the lock never ended`;
    end.followers.push(op);
    return undefined;
  }

  /**
   * A session is in nobody's way but others': who holds a tree may lock something in it besides, with a higher fence.
   * What was written under that is refused under the tree's from then on, while both are held and for as long as the tree is.
   */
  #hasWrittenSince({ key, fence = 0, ret }: Op): boolean {
    const owner = (of: number): string | undefined => this.#grants.get(of)?.record.sessionId;
    return (this.#taken.get(key) ?? []).some(
      ({ fence: later = 0, call }) => later > fence && call <= ret && owner(later) === owner(fence),
    );
  }

  /** A break by its administrator: its reason names it. */
  #broke(op: Op): string | undefined {
    const points = this.#breaks.get(op.opId) ?? [];
    for (const point of points) {
      point.lo = Math.max(point.lo, op.call);
      if (op.type === 'ok') point.hi = Math.min(point.hi, op.ret);
    }
    if (op.type !== 'ok' || op.value.broken === points.length > 0) return undefined;
    return `${nameOp(op)}: ${points.length === 0 ? 'broken, and never recorded' : 'nothing broken, but it was'}`;
  }

  #blocked(op: Op): void {
    for (const { sessionId, resource, grantedAt } of op.value.blockers ?? []) {
      const fence = this.#named.get(`${sessionId} ${resource} ${grantedAt}`);
      if (fence !== undefined) this.#saw(op, fence, this.#gone);
    }
  }

  /** It saw a hold: after its grant, before its end. */
  #saw(op: Op, fence: number, ends: ReadonlyMap<number, Point>): void {
    const grant = this.#grants.get(fence);
    if (!grant) return;
    const end = ends.get(fence);
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
