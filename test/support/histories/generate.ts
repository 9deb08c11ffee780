import type { Blocker, History, Op } from './format.js';
import { LockService, type Wish } from './lock-service.js';
import { conflict, type Hold } from './replay.js';

const RESOURCES = ['a', 'a/1', 'a/2', 'a/2/x', 'b/1', 'b/2'];

/** People who use the service by its rules: the source of legal histories. */
class People extends LockService {
  /** The highest fence under which each resource was written: the application's own table. */
  readonly #written = new Map<string, number>();
  /** What was given back, and may be written with all the same. */
  readonly #stale: { readonly session: string; readonly resource: string; readonly fence: number }[] = [];

  #own(session: string): (Hold & { readonly opId: string })[] {
    return [...this.holds.values()].filter((hold) => hold.session === session);
  }

  #acquire(session: string): void {
    const resource = this.random.pick(RESOURCES);
    const mode = this.random.next() < 0.5 ? 'shared' : 'exclusive';
    const scope = this.random.next() < 0.2 ? 'tree' : 'record';
    const own = this.#own(session).find((hold) => hold.resource === resource);
    if (own?.mode === 'shared')
      this.#ask({ ...own, opId: this.id('request'), mode: 'exclusive', replaces: own.fence });
    else if (!own) this.#ask({ session, resource, mode, scope, opId: this.id('request') });
  }

  #blockersOf(wish: Wish): Blocker[] {
    const against = [...this.holds.values()].filter((hold) => conflict(hold, wish));
    return against.map(({ session, resource, fence }) => {
      const grant = this.records.find((record) => record.type === 'lock.granted' && record.fence === fence);
      return { sessionId: session, resource, grantedAt: grant?.at ?? 0 };
    });
  }

  #ask(wish: Wish): void {
    const { session, resource, mode, scope, opId, replaces } = wish;
    const op = replaces === undefined ? 'acquire' : 'upgrade';
    if (this.waits.some((wait) => wait.session === session)) return;
    const blockers = this.#blockersOf(wish);
    if (blockers.length === 0 && (replaces !== undefined || !this.olderAgainst(wish))) {
      const fence = this.grant(wish, false);
      const value = { mode, scope, state: 'granted' } as const;
      this.op(op, session, resource, { opId, fence, storeTime: this.now, value });
      return;
    }
    if (this.random.next() < 0.3) {
      this.op(op, session, resource, { opId, type: 'fail', value: { code: 'locked', blockers } });
      return;
    }
    // Two upgrades at once would wait for each other.
    if (replaces !== undefined && this.waits.some((wait) => wait.replaces !== undefined)) return;
    this.#wait(wish, op);
  }

  #wait(wish: Wish, op: Op['op']): void {
    const { session, resource, mode, scope, opId, replaces } = wish;
    const upgrade = replaces === undefined ? undefined : true;
    this.record('lock.requested', session, {
      resource,
      details: { requestId: opId, state: 'queued', mode, scope, upgrade },
    });
    const call = this.nowNs;
    this.waits.push({ ...wish, ticket: this.ticket(upgrade === true), call });
    this.op(op, session, resource, { opId, call, value: { mode, scope, state: 'queued' } });
  }

  /** Several at once, or none of them. */
  #acquireMany(session: string): void {
    const opId = this.id('request');
    const held = new Set(this.#own(session).map(({ resource }) => resource));
    const names = new Set([1, 2, 3].map(() => this.random.pick(RESOURCES)));
    const wishes = [...names]
      .filter((resource) => !held.has(resource))
      .map((resource) => ({ session, resource, mode: 'exclusive', scope: 'record', opId }) as const);
    const against = wishes.find((wish) => this.heldAgainst(wish) || this.olderAgainst(wish));
    if (against) {
      const value = { code: 'locked', blockers: this.#blockersOf(against) };
      const [first] = wishes;
      this.op('acquireMany', session, first?.resource ?? '', { opId, type: 'fail', value });
      return;
    }
    // One call and one answer, noted once for each lock.
    const call = this.nowNs;
    for (const wish of wishes) {
      const fence = this.grant(wish, false);
      const value = { mode: wish.mode, scope: wish.scope, state: 'granted' } as const;
      this.op('acquireMany', session, wish.resource, { opId, call, fence, storeTime: this.now, value });
    }
  }

  /** Takes a lock from its holders: those that are idle, or by force. */
  #takeOver(session: string): void {
    const resource = this.random.pick(RESOURCES);
    const holders = [...this.holds.values()].filter((hold) => hold.resource === resource);
    const opId = this.id('request');
    const wish = { session, resource, mode: 'exclusive', scope: 'record', opId } as const;
    const isAround = [...this.holds.values()].some(
      (hold) => hold.resource !== resource && conflict(hold, wish),
    );
    const isOut = holders.some(
      (hold) => hold.session === session || hold.scope === 'tree' || hold.delayedUntil !== undefined,
    );
    if (holders.length === 0 || isAround || isOut) return;
    if (this.waits.some((wait) => wait.replaces !== undefined)) return;
    const details = { requestId: opId, ...(this.random.next() < 0.5 ? { forced: true } : {}) };
    for (const { fence } of holders) this.drop(fence, 'lock.taken_over', { details });
    const fence = this.grant(wish, false);
    const value = { state: 'granted' } as const;
    this.op('takeover', session, resource, { opId, fence, storeTime: this.now, value });
  }

  /** An administrator takes a lock from whoever holds it. */
  #break(session: string): void {
    const resource = this.random.pick(RESOURCES);
    const holders = [...this.holds.values()].filter((hold) => hold.resource === resource);
    const opId = this.id('break');
    for (const { fence, delayedUntil } of holders) {
      if (delayedUntil === undefined) this.drop(fence, 'lock.broken', { reason: opId });
      else {
        this.holds.delete(fence);
        this.record('lock.broken', undefined, { resource, fence, reason: opId });
      }
    }
    this.op('break', session, resource, { opId, value: { broken: holders.length > 0 } });
  }

  #release(session: string): void {
    const hold = this.#own(session)[0];
    if (!hold) return;
    const { fence, resource } = hold;
    if (this.random.next() < 0.3) {
      this.op('check', session, resource, { fence, value: { valid: true } });
      return;
    }
    this.drop(fence, 'lock.released');
    // Now and then no answer comes.
    const isLost = this.random.next() < 0.1;
    this.op('release', session, resource, {
      fence,
      ...(isLost ? { type: 'info', value: {} } : { value: { released: true } }),
    });
    if (this.random.next() < 0.2) {
      this.now += 10;
      this.op('release', session, resource, { fence, value: { released: false } });
    }
    this.#stale.push({ session, resource, fence });
  }

  /** The table takes what is not under a lower fence than it has seen. */
  #write(session: string, resource: string, fence: number): void {
    const accepted = fence >= (this.#written.get(resource) ?? 0);
    if (accepted) this.#written.set(resource, fence);
    this.op('write', session, resource, { fence, value: { accepted } });
  }

  #save(session: string): void {
    for (const { resource, mode, scope, fence } of this.#own(session)) {
      if (mode !== 'exclusive') continue;
      // A tree is one on what is below it, where its holder may have a lock of its own, too.
      const below = RESOURCES.filter((name) => scope === 'tree' && name.startsWith(`${resource}/`));
      this.#write(session, this.random.pick([resource, ...below]), fence);
    }
    const late = this.#stale.pop();
    if (late && this.random.next() < 0.5) this.#write(late.session, late.resource, late.fence);
  }

  #move(session: string): void {
    const isBack = this.away.delete(session);
    if (!isBack) this.away.add(session);
    const from = isBack ? 'disconnected' : 'active';
    if (isBack) this.record('session.resumed', session, { details: { from, to: 'active' } });
    else this.record('session.state', session, { details: { from, to: 'disconnected' } });
  }

  /** Lets its lease run out from now on, or has it again. */
  #freeze(session: string): void {
    if (!this.frozen.delete(session)) this.frozen.add(session);
    this.beat();
  }

  #act(session: string, kind: number): void {
    if (kind < 0.4) this.#acquire(session);
    else if (kind < 0.46) this.#acquireMany(session);
    else if (kind < 0.51) this.#takeOver(session);
    else if (kind < 0.52) this.#break(session);
    else if (kind < 0.522) this.lose();
    else if (kind < 0.65) this.#save(session);
    else this.#release(session);
  }

  step(): void {
    this.now += this.random.within(1, 40);
    this.beat();
    this.free();
    const session = this.random.pick(this.live);
    const kind = this.random.next();
    if (kind < 0.03) this.#move(session);
    else if (kind < 0.045) this.end(session);
    else if (kind > 0.97) this.#freeze(session);
    else if (!this.isOut(session)) this.#act(session, kind);
    this.serve();
  }
}

/** A history in which all is well. `hasLeases`: leases are known, and run out at times. */
export function legalHistory(seed: number, steps = 400, hasLeases = false): History {
  const people = new People(seed, hasLeases);
  for (let i = 0; i < steps; i += 1) people.step();
  return {
    header: { kind: 'header', version: 1, seed, versions: { model: '1' }, settings: { steps } },
    ops: people.ops.toSorted((one, other) => one.ret - other.ret),
    records: people.records,
    ...(hasLeases ? { leases: people.leases } : {}),
  };
}
