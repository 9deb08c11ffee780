import type { AuditRecord, AuditType, LockMode, LockScope } from '@lastcall/shared';
import { Random } from '../random.js';
import type { History, Op, OpValue } from './format.js';
import { conflict, type Hold } from './replay.js';

const SESSIONS = 8;
const RESOURCES = ['a', 'a/1', 'a/2', 'a/2/x', 'b/1', 'b/2'];
const EPOCH = 1_700_000_000_000;
const NS = 1_000_000;

interface Waiting {
  readonly session: string;
  readonly resource: string;
  readonly mode: LockMode;
  readonly scope: LockScope;
  readonly opId: string;
  readonly ticket: number;
  readonly call: number;
  readonly replaces?: number;
  readonly takes?: boolean;
}

type Wish = Omit<Waiting, 'ticket' | 'call'> & { readonly ticket?: number; readonly call?: number };

/** A lock service that does it right, in memory and by the letter, with a clock of its own: the source of legal histories. */
class Model {
  readonly random: Random;
  readonly ops: Op[] = [];
  readonly records: AuditRecord[] = [];
  readonly #holds = new Map<number, Hold & { readonly opId: string }>();
  #waits: Waiting[] = [];
  readonly #away = new Set<string>();
  readonly #live: string[] = [];
  #now = EPOCH;
  #epoch = EPOCH;
  #rev = 0;
  #fence = EPOCH * 1_000;
  #ids = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
    for (let i = 0; i < SESSIONS; i += 1) this.#open();
  }

  #id(prefix: string): string {
    this.#ids += 1;
    return `${prefix}-${this.#ids}`;
  }

  #record(type: AuditType, sessionId: string, more: Partial<AuditRecord> = {}): void {
    this.#rev += 1;
    this.records.push({
      epoch: this.#epoch,
      rev: this.#rev,
      at: this.#now,
      type,
      by: { kind: 'user', id: sessionId },
      sessionId,
      ...more,
    });
  }

  /** An operation around this instant; its answer took up to 3 ms either way. */
  #op(op: Op['op'], session: string, key: string, more: Partial<Op> & { readonly value: OpValue }): void {
    const at = (this.#now - EPOCH) * NS;
    const call = Math.max(0, at - this.random.within(0, 3 * NS));
    const ret = at + this.random.within(0, 3 * NS);
    this.ops.push({
      kind: 'op',
      proc: session,
      session,
      op,
      opId: this.#id('op'),
      key,
      call,
      ret,
      type: 'ok',
      ...more,
    });
  }

  #open(): void {
    const session = this.#id('session');
    this.#live.push(session);
    this.#record('session.opened', session);
  }

  #heldAgainst(wish: Wish): boolean {
    return [...this.#holds.values()].some((hold) => conflict(hold, wish));
  }

  #olderAgainst(wish: Wish): boolean {
    const ticket = wish.ticket ?? Number.POSITIVE_INFINITY;
    return this.#waits.some((w) => w.ticket < ticket && !this.#away.has(w.session) && conflict(w, wish));
  }

  #grant(wish: Wish, waited: boolean): number {
    this.#fence += this.random.within(1, 500);
    const fence = this.#fence;
    if (wish.replaces !== undefined) this.#holds.delete(wish.replaces);
    this.#holds.set(fence, { ...wish, fence });
    const { session, resource, mode, scope, opId } = wish;
    this.#record('lock.granted', session, {
      resource,
      fence,
      details: { requestId: opId, mode, scope, ...(waited ? { waited: 1 } : {}), replaces: wish.replaces },
    });
    return fence;
  }

  /** Grants what can be granted, in order. */
  #serve(): void {
    for (const wait of [...this.#waits].sort((one, other) => one.ticket - other.ticket)) {
      const holds = [...this.#holds.values()].some(
        ({ session, resource }) => session === wait.session && resource === wait.resource,
      );
      if (this.#away.has(wait.session) || (holds && wait.replaces === undefined && !wait.takes)) continue;
      if (this.#heldAgainst(wait) || this.#olderAgainst(wait)) continue;
      this.#waits = this.#waits.filter((other) => other !== wait);
      const fence = this.#grant(wait, true);
      const { session, resource, opId, call } = wait;
      this.#op('granted', session, resource, { opId, call, value: {}, fence, storeTime: this.#now });
    }
  }

  #drop(fence: number, type: AuditType, more: Partial<AuditRecord> = {}): void {
    const hold = this.#holds.get(fence);
    if (!hold) return;
    this.#holds.delete(fence);
    this.#record(type, hold.session, { resource: hold.resource, fence, ...more });
    for (const { session, resource, opId } of this.#waits.filter((wait) => wait.replaces === fence)) {
      this.#record('lock.requested', session, { resource, details: { requestId: opId, state: 'not_held' } });
    }
    this.#waits = this.#waits.filter((wait) => wait.replaces !== fence);
    if (type !== 'lock.released') {
      const call = (this.#now - EPOCH) * NS;
      this.#op('lost', hold.session, hold.resource, { opId: hold.opId, call, fence, value: {} });
    }
  }

  #acquire(session: string): void {
    const resource = this.random.pick(RESOURCES);
    const mode = this.random.next() < 0.5 ? 'shared' : 'exclusive';
    const scope = this.random.next() < 0.2 ? 'tree' : 'record';
    const own = [...this.#holds.values()].find(
      (hold) => hold.session === session && hold.resource === resource,
    );
    if (own?.mode === 'shared')
      this.#ask({ ...own, opId: this.#id('request'), mode: 'exclusive', replaces: own.fence });
    else if (!own) this.#ask({ session, resource, mode, scope, opId: this.#id('request') });
  }

  #ask(wish: Wish): void {
    const { session, resource, mode, scope, opId, replaces } = wish;
    const op = replaces === undefined ? 'acquire' : 'upgrade';
    if (this.#waits.some((wait) => wait.session === session)) return;
    const blockers = [...this.#holds.values()]
      .filter((hold) => conflict(hold, wish))
      .map((hold) => {
        const grant = this.records.find(({ type, fence }) => type === 'lock.granted' && fence === hold.fence);
        return { sessionId: hold.session, resource: hold.resource, grantedAt: grant?.at ?? 0 };
      });
    if (blockers.length === 0 && (replaces !== undefined || !this.#olderAgainst(wish))) {
      const fence = this.#grant(wish, false);
      this.#op(op, session, resource, {
        opId,
        fence,
        storeTime: this.#now,
        value: { mode, scope, state: 'granted' },
      });
      return;
    }
    if (this.random.next() < 0.3) {
      this.#op(op, session, resource, { opId, type: 'fail', value: { code: 'locked', blockers } });
      return;
    }
    // Two upgrades at once would wait for each other.
    if (replaces !== undefined && this.#waits.some((wait) => wait.replaces !== undefined)) return;
    this.#wait(wish, op);
  }

  #wait(wish: Wish, op: Op['op']): void {
    const { session, resource, mode, scope, opId, replaces } = wish;
    const ticket = this.#ids + (replaces === undefined ? 0 : -1e12);
    const call = (this.#now - EPOCH) * NS;
    this.#record('lock.requested', session, {
      resource,
      details: {
        requestId: opId,
        state: 'queued',
        mode,
        scope,
        upgrade: replaces === undefined ? undefined : true,
      },
    });
    this.#waits.push({ ...wish, ticket, call });
    this.#op(op, session, resource, { opId, call, value: { mode, scope, state: 'queued' } });
  }

  #takeOver(session: string): void {
    const resource = this.random.pick(RESOURCES);
    const holders = [...this.#holds.values()].filter((hold) => hold.resource === resource);
    const wish = {
      session,
      resource,
      mode: 'exclusive',
      scope: 'record',
      opId: this.#id('request'),
    } as const;
    const isAround = [...this.#holds.values()].some(
      (hold) => hold.resource !== resource && conflict(hold, wish),
    );
    if (holders.length === 0 || isAround || holders.some((hold) => hold.session === session)) return;
    if (this.#waits.some((wait) => wait.replaces !== undefined)) return;
    for (const { fence } of holders)
      this.#drop(fence, 'lock.taken_over', { details: { requestId: wish.opId } });
    const fence = this.#grant(wish, false);
    this.#op('takeover', session, resource, {
      opId: wish.opId,
      fence,
      storeTime: this.#now,
      value: { state: 'granted' },
    });
  }

  #release(session: string): void {
    const [hold] = [...this.#holds.values()].filter((one) => one.session === session);
    if (!hold) return;
    const { fence, resource } = hold;
    if (this.random.next() < 0.3) {
      this.#op('check', session, resource, { fence, value: { valid: true } });
      return;
    }
    this.#drop(fence, 'lock.released');
    // Now and then no answer comes.
    const isLost = this.random.next() < 0.1;
    this.#op('release', session, resource, {
      fence,
      ...(isLost ? { type: 'info', value: {} } : { value: { released: true } }),
    });
    if (this.random.next() < 0.2) {
      this.#now += 10;
      this.#op('release', session, resource, { fence, value: { released: false } });
    }
  }

  #end(session: string): void {
    this.#live.splice(this.#live.indexOf(session), 1);
    this.#record('session.ended', session, { reason: this.#away.has(session) ? 'unresponsive' : 'user' });
    this.#waits = this.#waits.filter((wait) => wait.session !== session);
    for (const hold of this.#holds.values())
      if (hold.session === session) this.#drop(hold.fence, 'lock.lost');
    this.#serve();
    this.#open();
  }

  #move(session: string): void {
    const isBack = this.#away.delete(session);
    if (!isBack) this.#away.add(session);
    if (isBack) this.#record('session.resumed', session);
    else this.#record('session.state', session, { details: { from: 'active', to: 'disconnected' } });
  }

  /** All data is lost: nobody holds or waits any more, and fences go on. */
  #lose(): void {
    this.#epoch = this.#now;
    this.#rev = 0;
    this.#holds.clear();
    this.#waits = [];
    this.#away.clear();
    for (const session of this.#live) this.#record('session.opened', session);
  }

  step(): void {
    this.#now += this.random.within(1, 40);
    const session = this.random.pick(this.#live);
    const kind = this.random.next();
    if (kind < 0.03) this.#move(session);
    else if (kind < 0.04) this.#end(session);
    else if (this.#away.has(session)) return;
    else if (kind < 0.5) this.#acquire(session);
    else if (kind < 0.55) this.#takeOver(session);
    else if (kind < 0.552) this.#lose();
    else this.#release(session);
    this.#serve();
  }
}

/** A history in which all is well. */
export function legalHistory(seed: number, steps = 400): History {
  const model = new Model(seed);
  for (let i = 0; i < steps; i += 1) model.step();
  return {
    header: { kind: 'header', version: 1, seed, versions: { model: '1' }, settings: { steps } },
    ops: model.ops.toSorted((one, other) => one.ret - other.ret),
    records: model.records,
  };
}
