import { Circles } from './circles.js';
import type { Answer } from './clients.js';
import type { ModelSession } from './facts.js';
import { blockerOf, gives, type Hold, type Link, lockOf, type Wait, type Want } from './held.js';

/** What is asked of locks, and what each is answered. */
export class LockModel extends Circles {
  /** The circle that the command under comparison was refused with. */
  told: readonly Link[] | undefined;

  acquire(session: ModelSession, want: Want, requestId: string, waitMs: number): Answer {
    const refusal = this.#asking(session, requestId);
    if (refusal) return refusal;
    const mine = this.held(session, want.resource);
    if (mine) return gives(mine, want) ? { state: 'granted', lock: lockOf(mine) } : 'conflict';
    const place = this.#place(session, want.resource, requestId);
    if (place) return place;
    if (this.#isOverLimit(session, 1)) return 'lock_limit';
    const isFree = this.against(want, session).length === 0;
    if (isFree && this.older(want, session, Number.POSITIVE_INFINITY).length === 0) {
      return { state: 'granted', lock: lockOf(this.grant(session, want, requestId)) };
    }
    return this.#wait({ session, want, requestId, waitMs, kind: 'plain' });
  }

  /** L17. */
  acquireMany(session: ModelSession, wants: readonly Want[], requestId: string): Answer {
    const refusal = this.#asking(session, requestId);
    if (refusal) return refusal;
    for (const want of wants) {
      const mine = this.held(session, want.resource);
      if (mine && !gives(mine, want)) return 'conflict';
      const isOlder = this.older(want, session, Number.POSITIVE_INFINITY).length > 0;
      if (!mine && (this.against(want, session).length > 0 || isOlder)) {
        return { code: 'locked', blockers: this.blockers(want, session) };
      }
    }
    const free = wants.filter((want) => !this.held(session, want.resource));
    if (this.#isOverLimit(session, free.length)) return 'lock_limit';
    for (const want of free) this.grant(session, want, requestId);
    return { locks: wants.map((want) => lockOf(this.held(session, want.resource) as Hold)) };
  }

  release(session: ModelSession, resource: string, fence: string): Answer {
    const hold = this.held(session, resource);
    if (!hold || session.ended || hold.fence !== fence) return { released: false };
    this.dropLock(hold, 'released');
    this.record('lock.released', session, undefined, resource);
    this.serve();
    return { released: true };
  }

  cancelRequest(session: ModelSession, requestId: string): Answer {
    if (session.ended) return 'session_ended';
    const wait = this.waits.find((one) => one.session === session && one.requestId === requestId);
    if (wait) {
      this.deny(wait, 'cancelled');
      this.serve();
      return {};
    }
    for (const hold of this.holds.filter((one) => one.session === session)) {
      if (hold.requestIds.join() === requestId) {
        this.dropLock(hold, 'cancelled');
        this.record('lock.released', session, undefined, hold.resource);
        this.serve();
      } else if (hold.requestIds.length > 1 && hold.requestIds.at(-1) === requestId) {
        this.isOver(session, requestId, 'cancelled');
        const ids = hold.requestIds.slice(0, -1);
        this.grant(session, { ...hold, mode: 'shared' }, ids[0] as string, ids);
        this.serve();
      }
    }
    return {};
  }

  /** L16. */
  upgrade(session: ModelSession, resource: string, fence: string, requestId: string, waitMs: number): Answer {
    const refusal = this.#asking(session, requestId);
    if (refusal) return refusal;
    const hold = this.held(session, resource);
    const isDone = hold?.mode === 'exclusive';
    if (!hold || (hold.fence !== fence && !(isDone && hold.requestIds.includes(requestId))))
      return 'not_held';
    if (isDone) return { state: 'granted', lock: lockOf(hold) };
    const want: Want = { resource, mode: 'exclusive', scope: hold.scope };
    const place = this.#place(session, resource, requestId);
    if (place) return place;
    if (this.against(want, session).length === 0) {
      return { state: 'granted', lock: lockOf(this.grant(session, want, requestId)) };
    }
    if (this.#isOverLimit(session, 1)) return 'lock_limit';
    return this.#wait({ session, want, requestId, waitMs, kind: 'upgrade' });
  }

  /** L18, L19. */
  takeover(
    session: ModelSession,
    resource: string,
    requestId: string,
    how: { force: boolean; mayForce: boolean },
  ): Answer {
    const refusal = this.#asking(session, requestId);
    if (refusal) return refusal;
    const own = this.held(session, resource);
    if (own?.mode === 'exclusive') return { state: 'granted', lock: lockOf(own) };
    const pending = this.takeovers.find(({ wait }) => wait.resource === resource);
    if (pending?.wait.session === session && pending.wait.requestId === requestId) {
      return { state: 'asked', deadlineMs: Math.max(0, pending.deadlineAt - this.now) };
    }
    if (this.waits.some((wait) => wait.session === session && wait.requestId === requestId))
      return 'conflict';
    const want = this.spoils(session, resource);
    const holders = this.holds.filter((hold) => hold.resource === resource && hold.session !== session);
    const idle = holders.filter((hold) => this.isIdle(hold.session));
    const allIdle = holders.length > 0 && idle.length === holders.length;
    if (this.#objects({ session, want, holders, allIdle, isAsked: pending !== undefined, ...how })) {
      return 'takeover_refused';
    }
    if (!own && this.#isOverLimit(session, 1)) return 'lock_limit';
    if (holders.length > 0 && !how.force && !allIdle) {
      const wait: Wait = {
        ...want,
        session,
        requestId,
        kind: 'takeover',
        ticket: this.ticket(true),
        untilAt: undefined,
      };
      this.waits.push(wait);
      const deadlineAt = this.now + this.settings.takeoverMs;
      const asked = new Map(holders.map((hold) => [hold.session, idle.includes(hold)]));
      this.takeovers.push({ wait, deadlineAt, dueAt: deadlineAt, asked });
      this.record('lock.requested', session, undefined, `${resource} ${requestId} asked`);
      return { state: 'asked', deadlineMs: this.settings.takeoverMs };
    }
    if (pending) {
      this.deny(pending.wait, 'refused');
      this.serve();
    }
    return {
      state: 'granted',
      lock: lockOf(this.take(session, want, requestId, how.force ? 'takeover' : 'idle')),
    };
  }

  answer(session: ModelSession, requestId: string, says: 'yield' | 'keep'): Answer {
    if (session.ended) return 'session_ended';
    const takeover = this.takeovers.find(
      ({ wait, asked }) =>
        wait.requestId === requestId && asked.has(session) && this.held(session, wait.resource) !== undefined,
    );
    if (!takeover) return 'not_found';
    const { wait, asked } = takeover;
    if (says === 'keep') {
      this.deny(wait, 'kept');
      this.serve();
      return {};
    }
    asked.set(session, true);
    const holders = this.holds.filter(
      (hold) => hold.resource === wait.resource && hold.session !== wait.session,
    );
    if (holders.every((hold) => asked.get(hold.session))) this.settle(takeover);
    return {};
  }

  /** L11. */
  break(resource: string): Answer {
    const holders = this.holds.filter((hold) => hold.resource === resource);
    if (holders.length === 0) return 'not_found';
    for (const hold of holders) {
      this.dropLock(hold, hold.session.ended ? undefined : 'broken');
      this.record('lock.broken', this.concernedBy(hold), undefined, `${resource} test`);
    }
    this.serve();
    return { broken: holders.map(({ session }) => session.name).toSorted(), more: false };
  }

  /** L10: a tree lock above is one of what is below it. */
  check(resource: string, fence: string): Answer {
    const found = this.holds.find((hold) => {
      const isAbove = hold.scope === 'tree' && resource.startsWith(`${hold.resource}/`);
      return hold.fence === fence && (hold.resource === resource || isAbove);
    });
    return { valid: found !== undefined && this.leaseRuns(found.session) };
  }

  /** A holder without input for so long, as of its last beat, unless none can come. */
  isIdle(session: ModelSession): boolean {
    const { lockIdleMs } = this.settings;
    const isHeard = session.connected && this.leaseRuns(session);
    const knownAt = isHeard ? session.beatAt : this.now;
    return lockIdleMs > 0 && knownAt - session.inputAt >= lockIdleMs;
  }

  /** Locks in the way; when only an older request is, those in the way of it (`undefined`: which one is open). */
  blockers(want: Want, session: ModelSession): readonly string[] | undefined {
    // Of who has ended nothing is told but on the resource itself: nobody could be asked.
    const isTold = (hold: Hold): boolean =>
      !hold.session.ended || !hold.resource.startsWith(`${want.resource}/`);
    const found = this.against(want, session).filter(isTold);
    return found.length === 0 ? undefined : found.map(blockerOf).toSorted();
  }

  #asking(session: ModelSession, requestId: string): string | undefined {
    if (session.ended) return 'session_ended';
    if (!this.leaseRuns(session)) return 'unavailable';
    return this.outcomes.get(session)?.has(requestId) ? 'conflict' : undefined;
  }

  #isOverLimit(session: ModelSession, more: number): boolean {
    const has = [...this.holds, ...this.waits].filter((one) => one.session === session).length;
    return has + more > this.settings.maxLocksPerSession;
  }

  #place(session: ModelSession, resource: string, requestId: string): Answer | undefined {
    const wait = this.waits.find((one) => one.session === session && one.requestId === requestId);
    if (!wait) return undefined;
    return wait.resource !== resource || wait.kind === 'takeover' ? 'conflict' : this.#queued(wait);
  }

  #queued(wait: Wait): Answer {
    const { session, requestId } = wait;
    return {
      state: 'queued',
      requestId,
      position: this.position(wait),
      blockers: this.blockers(wait, session),
    };
  }

  #wait(asked: {
    session: ModelSession;
    want: Want;
    requestId: string;
    waitMs: number;
    kind: 'plain' | 'upgrade';
  }): Answer {
    const { session, want, requestId, waitMs, kind } = asked;
    if (waitMs === 0) return { code: 'locked', blockers: this.blockers(want, session) };
    const before = this.waits.filter(({ resource }) => resource === want.resource);
    if (before.length >= this.settings.maxWaitersPerResource) return 'queue_full';
    const ticket = this.ticket(kind === 'upgrade');
    const wait: Wait = { ...want, session, requestId, kind, ticket, untilAt: this.now + waitMs };
    const circle = this.circle(wait);
    if (circle === 'new' || (circle === 'old' && this.told)) {
      return { code: 'deadlock', cycle: this.isCircle(this.told ?? [], wait) ? this.told : 'one there is' };
    }
    this.waits.push(wait);
    this.record('lock.requested', session, undefined, `${want.resource} ${requestId} queued`);
    return this.#queued(wait);
  }

  #objects(asked: {
    session: ModelSession;
    want: Want;
    holders: readonly Hold[];
    allIdle: boolean;
    isAsked: boolean;
    force: boolean;
    mayForce: boolean;
  }): boolean {
    const { session, want, holders, allIdle, isAsked, force, mayForce } = asked;
    const { lockTakeover } = this.settings;
    if (this.against(want, session).some((hold) => hold.resource !== want.resource)) return true;
    if (holders.length === 0) return this.older(want, session, Number.POSITIVE_INFINITY).length > 0;
    if (holders.some((hold) => hold.session.ended) || lockTakeover === 'never') return true;
    if (lockTakeover === 'admin' && !mayForce) return true;
    if (force && lockTakeover !== 'admin') return true;
    return (lockTakeover === 'idle' && !allIdle) || (isAsked && !force);
  }
}
