import { Clients } from './clients.js';
import {
  type Brief,
  endsAt,
  isAlive,
  type ModelOrder,
  type ModelSession,
  POLICY,
  QUIET_MS,
  rulingOrder,
  SILENCE_MS,
  stateOf,
  textOf,
} from './facts.js';

/**
 * The sweep. In which order it does what is due is its own affair: the model follows what was recorded, checks that
 * each thing was due, and in the end that nothing that was due is left.
 */
export class Model extends Clients {
  /** In a look things are recorded in the order in which they are come upon. */
  protected isLooking = false;

  /** @throws Error for what was done too early, too late or not at all */
  sweep(observed: readonly Brief[]): void {
    this.noticeGap();
    const since = this.now - (this.sweptAt ?? 0);
    if (since < QUIET_MS && !this.hasWork) return;
    this.isLooking = true;
    while (this.records.length < observed.length) {
      const next = observed[this.records.length];
      if (!next || !this.#does(next, observed.slice(this.records.length))) {
        throw new Error(`the sweep recorded what was not due: ${next ? textOf(next) : ''}`);
      }
    }
    this.isLooking = false;
    this.sweptAt = this.now;
    this.hasWork = false;
    this.isResting = this.living.length === 0;
    this.rememberLeases();
    const overdue = [...this.#overdue(), ...this.overdueMore()];
    if (overdue.length > 0) throw new Error(`the sweep left what was due: ${overdue.join('; ')}`);
  }

  /** Does what a record tells of; false: it was not due. */
  #does(next: Brief, following: readonly Brief[]): boolean {
    const order = this.orders.find(({ name }) => name === next.order);
    const session = this.sessions.find(({ name }) => name === next.session);
    switch (next.type) {
      case 'order.done':
      case 'order.changed':
        return order !== undefined && (this.#close(order) || this.#remind(order));
      case 'session.ended':
        return session !== undefined && this.#endDue(session);
      case 'block.changed':
        return this.#block(next, following);
      case 'session.verified':
      case 'session.unverified':
        if (!session || !this.#isProofDue(session)) return false;
        this.verify(session, true);
        return true;
      case 'session.state':
        if (!session || !this.#isIdleDue(session)) return false;
        this.#markIdle(session);
        return true;
      default:
        return this.doesMore(next);
    }
  }

  /** What the model of locks adds to a look at what is due. */
  protected doesMore(_next: Brief): boolean {
    return false;
  }
  protected *overdueMore(): Generator<string> {}

  #block(next: Brief, following: readonly Brief[]): boolean {
    const over = this.blocks.find(
      (block) => `over ${block.user}` === next.about && block.untilAt <= this.now,
    );
    if (over) {
      this.drop(over, 'over');
      return true;
    }
    // Who is kept out is so by the end that follows.
    const end = following.find(({ type }) => type === 'session.ended');
    const session = this.sessions.find(({ name }) => name === end?.session);
    return session !== undefined && this.#endDue(session);
  }

  #close(order: ModelOrder): boolean {
    if (order.state !== 'pending' || order.deadlineAt > this.now) return false;
    if (order.request.action === 'warn') this.setState(order, 'done');
    else {
      this.setState(order, 'closing');
      this.finish(order);
    }
    return true;
  }

  /** Of marks that were missed the latest alone counts. */
  #remind(order: ModelOrder): boolean {
    const passed = order.reminders.findLast(({ at }) => at <= this.now);
    if (order.state !== 'pending' || order.deadlineAt <= this.now || !passed) return false;
    order.reminders = order.reminders.filter(({ at }) => at > this.now);
    order.version += 1;
    this.record('order.changed', undefined, order, `reminded ${passed.leftMs}`);
    return true;
  }

  #endDue(session: ModelSession): boolean {
    if (session.ended) return false;
    const order = rulingOrder(session);
    if (order && endsAt(order, session) <= this.now) {
      if (order.state === 'pending') this.setState(order, 'closing');
      this.end(session, order.request.reason, order);
      return true;
    }
    if (this.leaseRuns(session) || this.now < session.staysUntil) return false;
    this.end(session, 'unresponsive');
    return true;
  }

  /** A gap's gift is a promise of so much; when the lease ran out nobody knows, so it may be more. */
  #mustBeOut(session: ModelSession): boolean {
    if (this.leaseRuns(session)) return false;
    const latest =
      session.gifts > 0 ? Math.max(session.leaseEndsAt, this.gapTo + POLICY.leaseMs) + session.gifts : 0;
    return this.now >= latest;
  }

  #isProofDue(session: ModelSession): boolean {
    return (
      session.ended !== undefined &&
      session.verified === undefined &&
      this.now >= Math.max(this.provedAt(session), this.gapTo === 0 ? 0 : this.gapTo + SILENCE_MS)
    );
  }

  #isIdleDue(session: ModelSession): boolean {
    return (
      this.leaseRuns(session) &&
      !session.idle &&
      (session.inputIsVague || this.now - session.inputAt >= POLICY.idleAfterMs)
    );
  }

  #markIdle(session: ModelSession): void {
    const from = stateOf(session);
    session.idle = true;
    const to = stateOf(session);
    this.record('session.state', session, undefined, from === to ? 'idle' : `${from}>${to}`);
  }

  *#overdue(): Generator<string> {
    for (const session of this.living) {
      const order = rulingOrder(session);
      if (order && endsAt(order, session) <= this.now) yield `the end of ${session.name} by ${order.name}`;
      if (this.#mustBeOut(session)) yield `the end of ${session.name}, which is silent`;
      if (this.#isIdleDue(session) && !session.inputIsVague) yield `${session.name} is idle`;
    }
    for (const order of this.orders) {
      if (isAlive(order) && order.state !== 'closing' && order.deadlineAt <= this.now) {
        yield `the deadline of ${order.name}`;
      }
      const isMissed = order.reminders.some(({ at }) => at <= this.now);
      if (order.state === 'pending' && isMissed) yield `a reminder of ${order.name}`;
    }
    for (const session of this.sessions) {
      if (this.#isProofDue(session)) yield `the proof of ${session.name}`;
    }
    for (const block of this.blocks)
      if (block.untilAt <= this.now) yield `the end of a block of ${block.user}`;
  }
}
