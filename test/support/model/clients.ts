import type { AckState, OrderTarget } from '@lastcall/shared';
import { endsAt, isAlive, type ModelOrder, type ModelSession, POLICY, stateOf, warningOf } from './facts.js';
import { cuts, Registry } from './registry.js';

/** What a command is answered: its fields, or the code of its refusal. */
export type Answer = object | string;

/** What clients, nodes and administrators do, and what each is answered. */
export class Clients extends Registry {
  open(session: ModelSession, node: string, issuedAt: number): Answer {
    const { person, stale } = this.blockFor(session.user, issuedAt);
    if (person || stale) return 'blocked';
    this.noticeGap();
    session.sockets.set(session.attach, node);
    this.sessions.push(session);
    this.beginLease(session);
    this.record('session.opened', session);
    for (const order of this.orders) {
      if (!order.lasting || !isAlive(order) || !this.isHit(order, session, new Set())) continue;
      this.hit(order, session);
      this.record('order.changed', undefined, order, `targeted ${session.name}`);
    }
    return this.welcome(session);
  }

  welcome(session: ModelSession): object {
    const orders = session.over.filter(isAlive).map((order) => warningOf(order, session));
    return { attach: session.attach, leaseMs: POLICY.leaseMs, orders };
  }

  openAgain(session: ModelSession, attach: number): Answer {
    if (session.ended) return 'conflict';
    return attach < session.attach ? 'superseded' : this.welcome(session);
  }

  resume(session: ModelSession, node: string, proof: { key: boolean; issuedAt: number }): Answer {
    if (!proof.key) return 'forbidden';
    if (session.ended) return 'session_ended';
    if (this.blockFor(session.user, proof.issuedAt).stale) return 'blocked';
    this.noticeGap();
    session.inputIsVague ||= !this.leaseRuns(session);
    session.attach = Math.max(session.attach + 1, this.now);
    session.sockets.set(session.attach, node);
    session.connected = true;
    this.beginLease(session);
    this.record('session.resumed', session, undefined, String(session.attach));
    this.isBack(session);
    return this.welcome(session);
  }

  beat(session: ModelSession, attach: number, idleMs: number): Answer {
    if (this.leaseRuns(session)) {
      if (attach !== session.attach) return 'superseded';
      this.renewLease(session);
      session.inputAt = Math.max(session.inputAt, this.now - idleMs);
      return {};
    }
    if (session.ended) return 'session_ended';
    if (attach !== session.attach) return 'superseded';
    this.noticeGap();
    session.inputIsVague = true;
    session.inputAt = Math.max(session.inputAt, this.now - idleMs);
    this.beginLease(session);
    this.isBack(session);
    return {};
  }

  /** Somebody came back from idleness. */
  activity(session: ModelSession): Answer {
    if (session.ended) return 'session_ended';
    // In its last millisecond a lease is not written any more.
    session.inputIsVague = this.now === session.leaseEndsAt;
    session.inputAt = this.now;
    this.change(session, () => {
      session.idle = false;
    });
    return { state: stateOf(session) };
  }

  /** A socket is closed. */
  detach(session: ModelSession, attach: number): Answer {
    if (session.ended) return 'session_ended';
    session.sockets.delete(attach);
    if (attach !== session.attach) return 'superseded';
    session.inputIsVague ||= !this.leaseRuns(session);
    this.change(session, () => {
      session.connected = false;
    });
    this.isAway(session);
    return { state: stateOf(session) };
  }

  /** A node gives up the socket that an opening or resumption whose answer was lost may have got. */
  abandon(session: ModelSession, attach: number): Answer {
    if (!session.sockets.delete(attach)) return {};
    if (session.ended) this.verify(session, false);
    else if (attach === session.attach) {
      this.change(session, () => {
        session.connected = false;
      });
      this.isAway(session);
    }
    return {};
  }

  signOut(session: ModelSession): Answer {
    if (session.ended) return { ended: false };
    this.end(session, 'user');
    return { ended: true };
  }

  report(session: ModelSession, attach: number, answered: boolean): Answer {
    if (!session.sockets.delete(attach)) return {};
    if (answered) session.answered = true;
    if (session.ended) this.verify(session, false);
    return {};
  }

  create(order: ModelOrder, observed: ReadonlySet<string>): Answer {
    this.orders.push(order);
    this.record('order.created', undefined, order);
    const { target } = order.request;
    const isNamed = !target.all && !target.roles && !target.apps && target.minIdleMs === undefined;
    if (cuts(order) && isNamed) {
      // A stolen token may be on its way, also without a session.
      const { except, includeSelf } = order.request;
      for (const user of target.users ?? []) {
        const isSpared = (!includeSelf && user === order.issuer) || except?.users?.includes(user);
        if (!isSpared) this.cutOff(order, user);
      }
    }
    const hit = this.#inOrder(target, isNamed).filter((session) => this.isHit(order, session, observed));
    for (const session of hit) this.hit(order, session);
    const names = hit.map(({ name }) => name).toSorted();
    if (names.length > 0) this.record('order.changed', undefined, order, `targeted ${names.join()}`);
    this.setState(order, 'pending');
    if (names.length === 0) this.setState(order, 'done');
    else this.finish(order);
    return { more: false };
  }

  /** Who is looked at, and in which order: those named as they are named, else by opening. */
  #inOrder(target: OrderTarget, isNamed: boolean): ModelSession[] {
    if (!isNamed) return this.living;
    const named = (target.sessions ?? []).flatMap((id) => this.living.filter((session) => session.id === id));
    const people = (target.users ?? []).flatMap((user) => this.living.filter((one) => one.user === user));
    return [...new Set([...named, ...people])];
  }

  delivered(order: ModelOrder, sessions: readonly ModelSession[]): Answer {
    const news = sessions.flatMap((session) => {
      const receipt = order.receipts.get(session);
      if (!receipt || receipt.deliveredAt !== undefined) return [];
      receipt.deliveredAt = this.now;
      if (receipt.state === 'targeted') receipt.state = 'delivered';
      return [session.name];
    });
    if (news.length > 0) this.record('order.acked', undefined, order, `delivered ${news.toSorted().join()}`);
    return { delivered: news.length };
  }

  /** O6, O7. */
  ack(session: ModelSession, order: ModelOrder, said: AckState): Answer {
    const receipt = order.receipts.get(session);
    if (!receipt) return 'not_found';
    if (session.ended) return 'session_ended';
    if (!isAlive(order)) return 'conflict';
    const isLogoff = order.request.action === 'logoff';
    const from = stateOf(session);
    let isNews = receipt.seenAt === undefined;
    receipt.deliveredAt ??= this.now;
    receipt.seenAt ??= this.now;
    if (isNews) receipt.state = 'seen';
    const before = { ...receipt };
    if (said === 'saving' && receipt.holdAt === undefined && receipt.savedAt === undefined) {
      const deadlineAt = order.deadlineAt + receipt.extendedMs;
      receipt.holdAt = isLogoff ? Math.min(this.now, deadlineAt) + order.holdMs : 0;
      isNews = true;
    } else if (said === 'saved' && receipt.savedAt === undefined) {
      receipt.state = 'saved';
      receipt.savedAt = this.now;
      receipt.holdAt = 0;
      isNews = true;
    }
    if (isNews) this.record('order.acked', session, order, said);
    if (said === 'saving' && before.holdAt === undefined && before.savedAt === undefined) {
      if (isLogoff) {
        this.change(session, () => {
          receipt.state = 'saving';
        });
      } else receipt.state = 'saving';
    }
    if (isLogoff && receipt.savedAt !== undefined) {
      // It ended out of its save, not out of what it would have been after it.
      this.end(session, order.request.reason, order, from);
      return { deadlineMs: 0, holdMs: 0, endsAt: this.now };
    }
    const at = endsAt(order, session);
    const holdMs = Math.max(0, (receipt.holdAt ?? 0) - this.now);
    return { deadlineMs: Math.max(0, at - this.now), holdMs, endsAt: at };
  }

  /** O14. */
  extend(session: ModelSession, order: ModelOrder, ms: number): Answer {
    const receipt = order.receipts.get(session);
    if (!receipt) return 'not_found';
    if (session.ended) return 'session_ended';
    if (!isAlive(order)) return 'conflict';
    const deadlineAt = order.deadlineAt + receipt.extendedMs;
    const { maxCount = 0, maxTotalMs = 0 } = order.extend ?? {};
    const isOver = receipt.extensions >= maxCount || receipt.extendedMs + ms > maxTotalMs;
    if (isOver || deadlineAt <= this.now) return 'extension_refused';
    receipt.extensions += 1;
    receipt.extendedMs += ms;
    order.version += 1;
    this.record('order.extended', session, order, `${ms} to ${deadlineAt + ms}`);
    return { deadlineMs: deadlineAt + ms - this.now };
  }

  /** O8. */
  cancel(order: ModelOrder): Answer {
    if (order.state === 'cancelled') return { more: false };
    const isDue = order.request.action === 'logoff' && order.deadlineAt <= this.now;
    if (order.state === 'closing' || order.state === 'done' || isDue) return 'conflict';
    this.setState(order, 'cancelled');
    // In the order in which they were opened, whatever the order in which they came under it.
    const targets = this.sessions.filter((session) => order.receipts.has(session));
    for (const session of targets) this.allow(order, session);
    const released = targets.filter(({ ended }) => !ended).map(({ name }) => name);
    if (released.length > 0) {
      this.record('order.changed', undefined, order, `released ${released.toSorted().join()}`);
    }
    return { more: false };
  }
}
