import type { AuditRecord, AuditType, LockMode, LockScope } from '@lastcall/shared';
import { Random } from '../random.js';
import type { Lease, Op, OpValue } from './format.js';
import { conflict, type Hold } from './replay.js';

const SESSIONS = 8;
export const BEGAN_AT = 1_700_000_000_000;
export const NS = 1_000_000;
/** For so long a lock is kept back whose session fell silent. */
const LOCK_DELAY_MS = 60;
/** A lease, and how long before its end at the latest it is renewed. */
const LEASE_MS = 120;
const BEAT_MS = 60;

export interface Waiting {
  readonly session: string;
  readonly resource: string;
  readonly mode: LockMode;
  readonly scope: LockScope;
  readonly opId: string;
  readonly ticket: number;
  readonly call: number;
  readonly replaces?: number;
}

export type Wish = Omit<Waiting, 'ticket' | 'call'> & { readonly ticket?: number; readonly call?: number };

type Held = Hold & { readonly opId: string };

/** A lock service that does it right, in memory and by the letter, with a clock of its own. */
export class LockService {
  readonly random: Random;
  readonly ops: Op[] = [];
  readonly records: AuditRecord[] = [];
  readonly holds = new Map<number, Held>();
  waits: Waiting[] = [];
  readonly away = new Set<string>();
  /** Those who let their lease run out, of which no record tells. */
  readonly frozen = new Set<string>();
  readonly leases: Lease[] = [];
  readonly #leaseEnds = new Map<string, number>();
  readonly live: string[] = [];
  now = BEGAN_AT;
  #epoch = BEGAN_AT;
  #rev = 0;
  #fence = BEGAN_AT * 1_000;
  #ids = 0;

  readonly #hasLeases: boolean;

  /** `hasLeases`: leases are noted, and run out now and then; else everybody has one. */
  constructor(seed: number, hasLeases: boolean) {
    this.random = new Random(seed);
    this.#hasLeases = hasLeases;
    this.#settle();
    for (let i = 0; i < SESSIONS; i += 1) this.open();
  }

  id(prefix: string): string {
    this.#ids += 1;
    return `${prefix}-${this.#ids}`;
  }

  record(type: AuditType, sessionId: string | undefined, more: Partial<AuditRecord> = {}): void {
    this.#rev += 1;
    this.records.push({
      epoch: this.#epoch,
      rev: this.#rev,
      at: this.now,
      type,
      by: { kind: 'user', id: sessionId ?? 'root' },
      ...(sessionId === undefined ? {} : { sessionId }),
      ...more,
    });
  }

  /** The administrator's settings. */
  #settle(): void {
    const lockDelayMs = { before: 0, after: LOCK_DELAY_MS };
    this.record('policy.changed', undefined, { details: { changed: { lockDelayMs } } });
  }

  #renew(session: string): void {
    const until = this.now + LEASE_MS;
    this.#leaseEnds.set(session, until);
    this.leases.push({ kind: 'lease', session, at: this.now, until, after: this.records.length });
  }

  /** Everybody's heartbeats. */
  beat(): void {
    if (!this.#hasLeases) return;
    for (const session of this.live) {
      const isDue = (this.#leaseEnds.get(session) ?? 0) <= this.now + BEAT_MS;
      if (isDue && !this.frozen.has(session)) this.#renew(session);
    }
  }

  isOut(session: string): boolean {
    return this.away.has(session) || (this.#hasLeases && (this.#leaseEnds.get(session) ?? 0) < this.now);
  }

  /** This instant on the clock of clients. */
  get nowNs(): number {
    return (this.now - BEGAN_AT) * NS;
  }

  /** An operation around this instant; its answer took up to 3 ms either way. */
  op(op: Op['op'], session: string, key: string, more: Partial<Op> & { readonly value: OpValue }): void {
    const call = Math.max(0, this.nowNs - this.random.within(0, 3 * NS));
    const ret = this.nowNs + this.random.within(0, 3 * NS);
    this.ops.push({
      kind: 'op',
      proc: session,
      session,
      op,
      opId: this.id('op'),
      key,
      call,
      ret,
      type: 'ok',
      ...more,
    });
  }

  open(): void {
    const session = this.id('session');
    this.live.push(session);
    this.record('session.opened', session);
    this.beat();
  }

  heldAgainst(wish: Wish): boolean {
    return [...this.holds.values()].some((hold) => conflict(hold, wish));
  }

  olderAgainst(wish: Wish): boolean {
    const ticket = wish.ticket ?? Number.POSITIVE_INFINITY;
    return this.waits.some((w) => w.ticket < ticket && !this.isOut(w.session) && conflict(w, wish));
  }

  grant(wish: Wish, waited: boolean): number {
    this.#fence += this.random.within(1, 500);
    const fence = this.#fence;
    if (wish.replaces !== undefined) this.holds.delete(wish.replaces);
    this.holds.set(fence, { ...wish, fence });
    const { session, resource, mode, scope, opId } = wish;
    this.record('lock.granted', session, {
      resource,
      fence,
      details: { requestId: opId, mode, scope, ...(waited ? { waited: 1 } : {}), replaces: wish.replaces },
    });
    return fence;
  }

  /** The first place in the queue, or the last. */
  ticket(atHead: boolean): number {
    return this.#ids + (atHead ? -1e12 : 0);
  }

  /** Grants what can be granted, in order. */
  serve(): void {
    for (const wait of this.waits.toSorted((one, other) => one.ticket - other.ticket)) {
      const holds = [...this.holds.values()].some(
        ({ session, resource }) => session === wait.session && resource === wait.resource,
      );
      if (this.isOut(wait.session) || (holds && wait.replaces === undefined)) continue;
      if (this.heldAgainst(wait) || this.olderAgainst(wait)) continue;
      this.waits = this.waits.filter((other) => other !== wait);
      const fence = this.grant(wait, true);
      const { session, resource, opId, call } = wait;
      this.op('granted', session, resource, { opId, call, value: {}, fence, storeTime: this.now });
    }
  }

  drop(fence: number, type: AuditType, more: Partial<AuditRecord> = {}): void {
    const hold = this.holds.get(fence);
    if (!hold) return;
    this.holds.delete(fence);
    this.record(type, hold.session, { resource: hold.resource, fence, ...more });
    for (const { session, resource, opId } of this.waits.filter((wait) => wait.replaces === fence)) {
      this.record('lock.requested', session, { resource, details: { requestId: opId, state: 'not_held' } });
    }
    this.waits = this.waits.filter((wait) => wait.replaces !== fence);
    if (type !== 'lock.released') this.#tell(hold);
  }

  #tell({ session, resource, opId, fence }: Held, reason = 'taken'): void {
    this.op('lost', session, resource, { opId, call: this.nowNs, fence, value: { reason } });
  }

  /** Who ends gives everything back; who had fallen silent, later. */
  end(session: string): void {
    const isSilent = this.away.has(session);
    this.live.splice(this.live.indexOf(session), 1);
    this.record('session.ended', session, { reason: isSilent ? 'unresponsive' : 'user' });
    this.waits = this.waits.filter((wait) => wait.session !== session);
    for (const hold of this.holds.values()) {
      if (hold.session !== session) continue;
      if (isSilent) this.#delay(hold);
      else this.drop(hold.fence, 'lock.lost', { reason: 'session_ended' });
    }
    this.serve();
    this.open();
  }

  #delay(hold: Held): void {
    const { fence, resource, session } = hold;
    this.record('lock.lost', session, { resource, fence, reason: 'session_ended' });
    hold.delayedUntil = this.now + LOCK_DELAY_MS;
  }

  /** What was kept back may be had again. */
  free(): void {
    for (const { fence, resource, delayedUntil = Number.POSITIVE_INFINITY } of this.holds.values()) {
      if (this.now < delayedUntil) continue;
      this.holds.delete(fence);
      this.record('lock.released', undefined, { resource, fence, reason: 'delay_over' });
    }
  }

  /** All data is lost: nobody holds or waits any more, and fences go on. */
  lose(): void {
    const lost = [...this.holds.values()].filter((hold) => this.live.includes(hold.session));
    this.#epoch = this.now;
    this.#rev = 0;
    this.holds.clear();
    this.waits = [];
    this.away.clear();
    this.frozen.clear();
    this.#leaseEnds.clear();
    for (const session of this.live) this.record('session.opened', session);
    this.#settle();
    this.beat();
    for (const hold of lost) this.#tell(hold, 'data_loss');
  }
}
