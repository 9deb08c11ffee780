import type { EndReason } from '@lastcall/shared';
import {
  type Brief,
  GAP_MS,
  isAlive,
  isHit,
  type ModelBlock,
  type ModelOrder,
  type ModelSession,
  POLICY,
  stateOf,
  VERIFY_MS,
} from './facts.js';

/** What is there, and the changes that both clients and the sweep bring about. Predicts each record it makes. */
export class Registry {
  now = 0;
  readonly sessions: ModelSession[] = [];
  readonly orders: ModelOrder[] = [];
  readonly blocks: ModelBlock[] = [];
  /** The nodes that are alive, or not yet known to be dead. */
  live: ReadonlySet<string> = new Set();
  /** What the command under comparison recorded. */
  observed: readonly Brief[] = [];
  /** Records that are to be there, not yet compared. */
  readonly records: Brief[] = [];
  /** The last sweep; whether it, or whoever noticed a gap, left work for the next one. */
  sweptAt: number | undefined;
  hasWork = false;
  /** It had no session when it was swept last: no lease can have run out since. */
  isResting = false;
  gapTo = 0;

  record(type: string, session?: ModelSession, order?: ModelOrder, about?: string): void {
    this.records.push({
      type,
      ...(session ? { session: session.name } : {}),
      ...(order ? { order: order.name } : {}),
      ...(about === undefined ? {} : { about }),
    });
  }

  get living(): ModelSession[] {
    return this.sessions.filter(({ ended }) => !ended);
  }

  leaseRuns(session: ModelSession): boolean {
    return !session.ended && this.now <= session.leaseEndsAt;
  }

  /** S8: who notices first that nobody swept gives every lease that had not run out the length of it and two beats. */
  noticeGap(): void {
    const from = this.sweptAt;
    if (from !== undefined && this.now - from <= GAP_MS && !this.isResting) return;
    this.sweptAt = this.now;
    this.hasWork = true;
    const wasResting = this.isResting;
    this.isResting = false;
    if (from === undefined || wasResting) return;
    const gift = this.now - from + 2 * POLICY.beatMs;
    this.gapTo = this.now;
    for (const session of this.living) {
      session.gifts += gift;
      const until = Math.max(session.leaseAtSweep, session.staysUntil);
      if (until >= from) session.staysUntil = until + gift;
    }
    if (this.living.length > 0) this.record('session.state', undefined, undefined, 'gap');
    this.rememberLeases();
  }

  rememberLeases(): void {
    for (const session of this.living) session.leaseAtSweep = session.leaseEndsAt;
  }

  /** A lease from now on: what gaps gave before does not count. */
  beginLease(session: ModelSession): void {
    this.renewLease(session);
    session.gifts = 0;
    session.leaseAtSweep = session.leaseEndsAt;
  }

  renewLease(session: ModelSession): void {
    session.leaseEndsAt = this.now + POLICY.leaseMs;
    session.staysUntil = 0;
    session.beatAt = this.now;
  }

  /** Does something that may change a session's state, and records the change. */
  change(session: ModelSession, does: () => void): void {
    const from = stateOf(session);
    does();
    const to = stateOf(session);
    if (from !== to) this.record('session.state', session, undefined, `${from}>${to}`);
  }

  hit(order: ModelOrder, session: ModelSession): void {
    if (cuts(order)) this.cutOff(order, session.user);
    order.receipts.set(session, { state: 'targeted', extensions: 0, extendedMs: 0 });
    session.over.push(order);
  }

  isHit(order: ModelOrder, session: ModelSession, observed: ReadonlySet<string>): boolean {
    if (!this.leaseRuns(session)) {
      const vague = { ...session, inputIsVague: true };
      return isHit(order, vague, this.now, observed.has(session.name));
    }
    return isHit(order, session, this.now, observed.has(session.name));
  }

  setState(order: ModelOrder, state: ModelOrder['state']): void {
    order.state = state;
    order.version += 1;
    const type = state === 'done' || state === 'cancelled' ? `order.${state}` : 'order.changed';
    this.record(type, undefined, order, state);
  }

  /** O10. */
  finish(order: ModelOrder): void {
    const isClosed = order.state === 'closing' || (order.state === 'pending' && !order.lasting);
    if (order.request.action !== 'logoff' || !isClosed) return;
    if ([...order.receipts.values()].every(({ verified }) => verified !== undefined)) {
      this.setState(order, 'done');
    }
  }

  /** The one end of a session, with everything that belongs to it. */
  end(session: ModelSession, reason: EndReason, order?: ModelOrder, from = stateOf(session)): void {
    const alive = session.over.filter(isAlive);
    for (const one of alive) this.#closeReceipt(one, session, reason, order);
    const denied = this.#deny(session, alive, order);
    session.ended = { at: this.now, reason, order };
    session.connected = false;
    this.record(
      'session.ended',
      session,
      order,
      `${reason} from ${from}${denied > 0 ? ` out ${denied}` : ''}`,
    );
    this.released(session, reason);
    if (session.sockets.size === 0) this.verify(session, true);
  }

  /** What a session held is free when it has ended; the model of locks knows of some. */
  protected released(_session: ModelSession, _reason: EndReason): void {}

  /** A session can use again what it waits for. */
  protected isBack(_session: ModelSession): void {}

  /** A session has no socket any more. */
  protected isAway(_session: ModelSession): void {}

  /** When a silent end is proved, while live nodes can say that they live. */
  provedAt(session: ModelSession): number {
    return (session.ended?.at ?? 0) + Math.max(POLICY.flushMs + 2_000, VERIFY_MS);
  }

  /** O9: the proofs are read back. Without `final` what is not proved waits. */
  verify(session: ModelSession, final: boolean): void {
    if (session.verified === true) return;
    const isOpen = [...session.sockets.values()].some((node) => this.live.has(node));
    const isKeptOut = session.deniedUntil <= this.now || this.#lastBlock(session.user) >= session.deniedUntil;
    const verified = !isOpen && isKeptOut;
    if (!verified && !final) return;
    session.verified = verified;
    this.record(verified ? 'session.verified' : 'session.unverified', session, session.ended?.order);
    for (const order of session.over) this.#decide(order, session, verified);
  }

  /** Who may not open a session now; a token issued before an instant may not be good enough. */
  blockFor(user: string, issuedAt: number): { person?: ModelBlock; stale?: ModelBlock } {
    const found: { person?: ModelBlock; stale?: ModelBlock } = {};
    for (const block of this.blocks) {
      if (block.user !== user || block.untilAt <= this.now) continue;
      if (block.notBeforeAt === undefined) {
        if (!found.person || block.untilAt > found.person.untilAt) found.person = block;
      } else if (issuedAt < block.notBeforeAt) found.stale = block;
    }
    return found;
  }

  /** O16: a person's tokens of before are refused, and with `denyMs` the person is. */
  cutOff(order: ModelOrder, user: string): ModelBlock {
    const once = (kind: string, untilAt: number, notBeforeAt?: number): ModelBlock => {
      const key = `${kind} ${order.id} ${user}`;
      const known = this.blocks.find((block) => block.key === key);
      if (known) return known;
      const block: ModelBlock = {
        user,
        untilAt,
        key,
        orders: new Map(),
        ...(notBeforeAt === undefined ? {} : { notBeforeAt }),
      };
      this.blocks.push(block);
      this.record('block.changed', undefined, undefined, `set ${user}`);
      return block;
    };
    const old = once('old', this.now + POLICY.endedKeepMs, this.now);
    return order.denyMs > 0 ? once('all', this.now + order.denyMs) : old;
  }

  drop(block: ModelBlock, state: 'lifted' | 'over'): void {
    this.blocks.splice(this.blocks.indexOf(block), 1);
    this.record('block.changed', undefined, undefined, `${state} ${block.user}`);
  }

  #lastBlock(user: string): number {
    return this.blockFor(user, Number.POSITIVE_INFINITY).person?.untilAt ?? 0;
  }

  #closeReceipt(order: ModelOrder, session: ModelSession, reason: EndReason, ending?: ModelOrder): void {
    const receipt = order.receipts.get(session);
    if (!receipt || receipt.endedAt !== undefined) return;
    receipt.state = 'ended';
    receipt.endedAt = this.now;
    if (receipt.savedAt !== undefined || reason === 'user') receipt.outcome = 'clean';
    else if (reason === 'unresponsive' && order.request.action === 'logoff') receipt.outcome = 'fenced';
    else if (order !== ending) receipt.outcome = 'gone';
  }

  /** O12: for how long the person is kept out. An order that would hit the next session anyway has no need to. */
  #deny(session: ModelSession, alive: readonly ModelOrder[], ending?: ModelOrder): number {
    for (const order of alive) {
      if (order.request.action !== 'logoff' || order.denyMs === 0) continue;
      if (order !== ending && order.lasting) continue;
      const block = cuts(order)
        ? this.cutOff(order, session.user)
        : this.#denyByOrder(session, order, this.now + order.denyMs);
      session.deniedUntil = Math.max(session.deniedUntil, block.untilAt);
    }
    return Math.max(0, session.deniedUntil - this.now);
  }

  #denyByOrder(session: ModelSession, order: ModelOrder, untilAt: number): ModelBlock {
    let block = this.blocks.find(({ key }) => key === session.id);
    const isLonger = untilAt > (block?.untilAt ?? 0);
    if (!block) {
      block = { user: session.user, untilAt: 0, key: session.id, orders: new Map() };
      this.blocks.push(block);
    }
    block.orders.set(order, untilAt);
    if (isLonger) {
      block.untilAt = untilAt;
      this.record('block.changed', undefined, undefined, `set ${session.user}`);
    }
    return block;
  }

  /** A cancelled order keeps nobody out any more; another one over the same session may. */
  allow(order: ModelOrder, session: ModelSession): void {
    const block = this.blocks.find(({ key }) => key === session.id);
    if (!block?.orders.delete(order)) return;
    const latest = Math.max(0, ...block.orders.values());
    if (latest > this.now) {
      block.untilAt = latest;
      session.deniedUntil = latest;
    } else {
      session.deniedUntil = 0;
      this.drop(block, 'lifted');
    }
  }

  #decide(order: ModelOrder, session: ModelSession, verified: boolean): void {
    const receipt = order.receipts.get(session);
    if (!receipt || receipt.endedAt === undefined || receipt.verified === true) return;
    if (receipt.verified === verified) return;
    receipt.outcome ??= session.answered ? 'forced' : 'fenced';
    receipt.verified = verified;
    this.finish(order);
  }
}

export const cuts = ({ request }: ModelOrder): boolean =>
  request.action === 'logoff' && request.reason === 'security';
