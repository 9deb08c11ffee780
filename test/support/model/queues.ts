import type { EndReason } from '@lastcall/shared';
import { type Brief, type ModelSession, textOf } from './facts.js';
import { forbids, type Hold, type LockSettings, type Takeover, type Wait, type Want } from './held.js';
import { Model } from './sweeps.js';

/** Who holds and who waits, and who is next (L3, L15). */
export class Queues extends Model {
  readonly settings: LockSettings;
  holds: Hold[] = [];
  waits: Wait[] = [];
  takeovers: Takeover[] = [];
  /** What became of requests that are over. */
  readonly outcomes = new Map<ModelSession, Map<string, string>>();
  #tickets = 0;
  /** Sessions out of reach behind which others were let past. */
  readonly #passedOver = new Set<ModelSession>();

  constructor(settings: LockSettings) {
    super();
    this.settings = settings;
  }

  /** Whether a session can use now what it is given. */
  isReachable(session: ModelSession): boolean {
    return session.connected && this.leaseRuns(session);
  }

  held(session: ModelSession, resource: string): Hold | undefined {
    return this.holds.find((hold) => hold.session === session && hold.resource === resource);
  }

  /** Locks of others that are in the way. */
  against(want: Want, session: ModelSession): Hold[] {
    return this.holds.filter((hold) => hold.session !== session && forbids(hold, want));
  }

  /** Older requests of others that are in the way; those out of reach are passed over. */
  older(want: Want, session: ModelSession, ticket: number, waits: readonly Wait[] = this.waits): Wait[] {
    return waits.filter(
      (wait) =>
        wait.session !== session &&
        wait.ticket < ticket &&
        forbids(wait, want) &&
        this.isReachable(wait.session),
    );
  }

  position(wait: Wait): number {
    return this.waits.filter((one) => one.resource === wait.resource && one.ticket < wait.ticket).length + 1;
  }

  ticket(atHead: boolean): number {
    this.#tickets += 1;
    return atHead ? this.#tickets - 1e12 : this.#tickets;
  }

  isOver(session: ModelSession, requestId: string, outcome: string): void {
    let known = this.outcomes.get(session);
    if (!known) {
      known = new Map();
      this.outcomes.set(session, known);
    }
    known.set(requestId, outcome);
  }

  grant(session: ModelSession, want: Want, requestId: string, ids?: readonly string[]): Hold {
    const before = this.held(session, want.resource);
    this.holds = this.holds.filter((hold) => hold !== before);
    const about = `${want.resource} ${want.mode} ${want.scope} ${requestId}`;
    const text = textOf({ type: 'lock.granted', session: session.name, about });
    // Which fence it is the scripts say; that fences grow is looked at where records are.
    const nth = this.records.filter((record) => textOf(record) === text).length;
    const fence = this.observed.filter((record) => textOf(record) === text)[nth]?.fence ?? 'none';
    const hold: Hold = {
      session,
      resource: want.resource,
      mode: want.mode,
      scope: want.scope,
      fence,
      grantedAt: this.now,
      requestIds: ids ?? [...(before?.requestIds ?? []), requestId],
    };
    this.holds.push(hold);
    for (const { wait } of this.takeovers) {
      const isOwn = wait.session === session && wait.resource === want.resource;
      if (isOwn && want.scope === 'tree') wait.scope = 'tree';
    }
    this.record('lock.granted', session, undefined, about);
    return hold;
  }

  /** Whom the loss of a lock concerns: of a session that is over nothing more is recorded. */
  concernedBy({ session }: Hold): ModelSession | undefined {
    return session.ended ? undefined : session;
  }

  leave(wait: Wait): void {
    this.waits = this.waits.filter((one) => one !== wait);
    this.takeovers = this.takeovers.filter((one) => one.wait !== wait);
  }

  deny(wait: Wait, outcome: string): void {
    this.leave(wait);
    this.isOver(wait.session, wait.requestId, outcome);
    this.record('lock.requested', wait.session, undefined, `${wait.resource} ${wait.requestId} ${outcome}`);
  }

  /** A lock is gone. With an outcome its requests are over, and an upgrade of it comes to nothing. */
  dropLock(hold: Hold, outcome?: string): void {
    this.holds = this.holds.filter((one) => one !== hold);
    if (outcome === undefined) return;
    for (const id of hold.requestIds) this.isOver(hold.session, id, outcome);
    const upgrades = this.waits.filter(
      ({ kind, session, resource }) =>
        kind === 'upgrade' && session === hold.session && resource === hold.resource,
    );
    for (const wait of upgrades) this.deny(wait, 'not_held');
  }

  /**
   * L15: whoever can have its lock has it, by age. Where it may be so or not, what was recorded says.
   */
  serve(): void {
    for (const wait of this.waits.toSorted((one, other) => one.ticket - other.ticket)) {
      const { session, requestId } = wait;
      const isItsOwn = wait.kind === 'plain' && this.held(session, wait.resource) !== undefined;
      if (!this.isReachable(session) || isItsOwn) continue;
      if (this.against(wait, session).length > 0 || this.older(wait, session, wait.ticket).length > 0)
        continue;
      const isOpen = this.waits.some((other) => other.ticket < wait.ticket && this.#mayHoldUp(other, wait));
      const about = `${wait.resource} ${wait.mode} ${wait.scope} ${requestId}`;
      const told = this.isLooking
        ? this.observed.slice(this.records.length, this.records.length + 1)
        : this.observed;
      if (isOpen && !told.some((record) => record.about === about)) continue;
      this.leave(wait);
      this.grant(session, wait, requestId);
    }
  }

  /** Whether an older request may hold up a younger one or not: nobody may have noticed yet that it is out of reach. */
  #mayHoldUp(older: Wait, wait: Wait): boolean {
    return older.session !== wait.session && forbids(older, wait) && !this.#passedOver.has(older.session);
  }

  /** Whoever waits behind it is passed on to by the next look. */
  protected override isAway(session: ModelSession): void {
    if (this.waits.some((wait) => wait.session === session)) this.hasWork = true;
  }

  protected override isBack(session: ModelSession): void {
    this.#passedOver.delete(session);
    this.serve();
  }

  /** L8, L22. */
  protected override released(session: ModelSession, reason: EndReason): void {
    for (const wait of this.waits.filter((one) => one.session === session)) this.leave(wait);
    for (const hold of this.holds.filter((one) => one.session === session)) {
      if (reason === 'unresponsive' && this.settings.lockDelayMs > 0) {
        hold.delayedUntil = this.now + this.settings.lockDelayMs;
      } else this.dropLock(hold);
      this.record('lock.lost', session, undefined, `${hold.resource} session_ended`);
    }
    this.outcomes.delete(session);
    this.serve();
  }

  protected override doesMore(next: Brief): boolean {
    const due = this.waits.find(({ untilAt = Number.POSITIVE_INFINITY, session, resource, requestId }) => {
      const isIt = next.session === session.name && next.about === `${resource} ${requestId} denied`;
      return isIt && untilAt <= this.now;
    });
    const countdown = this.takeovers.find(
      ({ dueAt, wait }) => dueAt <= this.now && next.about?.startsWith(`${wait.resource} `),
    );
    const delayed = this.holds.find(({ delayedUntil = Number.POSITIVE_INFINITY, resource }) => {
      return (
        delayedUntil <= this.now && next.type === 'lock.released' && next.about === `${resource} delay_over`
      );
    });
    const before = this.records.length;
    if (due) this.deny(due, 'denied');
    else if (delayed) {
      this.dropLock(delayed);
      this.record('lock.released', undefined, undefined, `${delayed.resource} delay_over`);
    } else if (countdown) this.settle(countdown);
    this.serve();
    return this.records.length > before;
  }

  protected override *overdueMore(): Generator<string> {
    // By the end of a look all who are out of reach were come upon.
    for (const session of this.living) {
      if (!this.isReachable(session)) this.#passedOver.add(session);
    }
    this.serve();
    for (const { untilAt = Number.POSITIVE_INFINITY, session, requestId } of this.waits) {
      if (untilAt <= this.now) yield `the end of the wait ${requestId} of ${session.name}`;
    }
    for (const takeover of this.takeovers) {
      const { dueAt, wait } = takeover;
      if (dueAt <= this.now && !this.#waitsOn(takeover))
        yield `the end of the countdown of ${wait.requestId}`;
    }
    for (const { delayedUntil = Number.POSITIVE_INFINITY, resource } of this.holds) {
      if (delayedUntil <= this.now) yield `the end of the delay of ${resource}`;
    }
  }

  /** L18: all have yielded, or the time is up. */
  settle(takeover: Takeover): void {
    const { wait } = takeover;
    const { session, resource } = wait;
    if (!this.#mayTake(takeover)) {
      this.deny(wait, 'refused');
      this.serve();
      return;
    }
    if (this.#waitsOn(takeover)) return;
    const want = this.spoils(session, resource);
    this.leave(wait);
    this.take(session, want, wait.requestId, 'takeover');
  }

  #holdersAgainst({ wait: { session, resource } }: Takeover): readonly Hold[] {
    return this.holds.filter((hold) => hold.resource === resource && hold.session !== session);
  }

  #mayTake(takeover: Takeover): boolean {
    const { session, resource } = takeover.wait;
    const around = this.against(this.spoils(session, resource), session).some(
      (hold) => hold.resource !== resource,
    );
    const asked = this.#holdersAgainst(takeover).every((hold) => takeover.asked.has(hold.session));
    return this.isReachable(session) && !around && asked;
  }

  /** L22: what is kept back, because who held it fell silent meanwhile, is waited for. */
  #waitsOn(takeover: Takeover): boolean {
    const delays = this.#holdersAgainst(takeover).flatMap(({ delayedUntil }) => delayedUntil ?? []);
    if (delays.length === 0 || !this.#mayTake(takeover)) return false;
    takeover.dueAt = Math.max(...delays);
    return true;
  }

  /** What somebody gets who takes over: exclusive, of the tree if one holder had that alone. */
  spoils(session: ModelSession, resource: string): Want {
    const own = this.held(session, resource);
    const others = this.holds.filter((hold) => hold.resource === resource && hold.session !== session);
    const [only] = others;
    const tree: Want = { resource, mode: 'exclusive', scope: 'tree' };
    const isAlone = others.length === 1 && only?.mode === 'exclusive' && only.scope === 'tree';
    const isFree = this.against(tree, session).every((hold) => !hold.resource.startsWith(`${resource}/`));
    return own?.scope === 'tree' || (isAlone && isFree) ? tree : { ...tree, scope: 'record' };
  }

  /** Revokes and grants in one step. */
  take(session: ModelSession, want: Want, requestId: string, how: 'takeover' | 'idle'): Hold {
    for (const hold of this.holds.filter(
      (one) => one.resource === want.resource && one.session !== session,
    )) {
      this.dropLock(hold, hold.session.ended ? undefined : 'taken_over');
      this.record('lock.taken_over', this.concernedBy(hold), undefined, `${want.resource} ${how}`);
    }
    const hold = this.grant(session, want, requestId);
    this.serve();
    return hold;
  }
}
