import type { AckState, WarningPush } from '@lastcall/shared';
import { Alarm, type Clock, pause } from './clock.js';
import type { Connection } from './connection.js';
import { mayRepeat } from './errors.js';
import type { SaveCause, SaveResult, Saving } from './saving.js';
import type { Warning } from './snapshot.js';
import { oneLine } from './text.js';

/** Versions of orders kept to know late news by. */
const KEPT_VERSIONS = 256;
/** A hold that is not answered by then is not waited for. */
const HOLD_ANSWER_MS = 1_000;
/** Time for work that nobody waits for. */
const UNHURRIED_MS = 30_000;
/** What a save leaves of its time for saying that it succeeded, at most. */
const REPORT_MS = 500;
const REPORT_ATTEMPTS = 3;
/** Near a deadline, work may become unsaved at any time. */
const LOOK_AGAIN_MS = 1_000;
/** A push gets older on its way: time that it seems to give beyond what is known, up to this, is not there. */
const LATE_PUSH_MS = 5_000;
const MAX_WHY_LENGTH = 200;
const UNKNOWN_WHY = 'The work could not be saved.';

interface Entry {
  readonly push: WarningPush;
  readonly endsAt: number;
  readonly seen: boolean;
  readonly work: Warning['work'];
  /** This deadline has been met with a save. */
  readonly tried: boolean;
}

/** The orders over this session: what they say, how long they leave, and saving the work in that time. */
export class Orders {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #saving: Saving;
  readonly #leadMs: number;
  readonly #changed: (warnings: readonly Warning[]) => void;
  readonly #due: Alarm;
  readonly #entries = new Map<string, Entry>();
  readonly #versions = new Map<string, number>();
  #stopped = new AbortController();

  constructor(
    connection: Connection,
    clock: Clock,
    saving: Saving,
    leadMs: number,
    changed: (warnings: readonly Warning[]) => void,
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#saving = saving;
    this.#leadMs = leadMs;
    this.#changed = changed;
    this.#due = new Alarm(clock, () => {
      this.#saveByItself();
    });
  }

  /** A warning arrived; an older version than the last one seen is old news. */
  warn(push: WarningPush): void {
    if (push.version <= (this.#versions.get(push.orderId) ?? Number.NEGATIVE_INFINITY)) return;
    this.#put(push);
    this.#publish();
  }

  cancel(orderId: string): void {
    if (this.#entries.delete(orderId)) this.#publish();
  }

  /** The whole truth after a (re)connection. */
  reset(pushes: readonly WarningPush[]): void {
    const named = new Set(pushes.map((push) => push.orderId));
    for (const orderId of this.#entries.keys()) if (!named.has(orderId)) this.#entries.delete(orderId);
    for (const push of pushes) this.#put(push);
    this.#publish();
  }

  /** The session is over for this client. */
  clear(): void {
    this.#stopped.abort();
    this.#stopped = new AbortController();
    this.#versions.clear();
    this.reset([]);
  }

  /** Milliseconds until the first logoff; undefined when none is ordered. */
  get logoffMs(): number | undefined {
    const [first] = this.#logoffs();
    return first && first.endsAt - this.#clock.now();
  }

  get idleWarning(): boolean {
    return [...this.#entries.values()].some((entry) => entry.push.reason === 'idle');
  }

  /** Milliseconds left; undefined for an order that is not over this session. */
  remainingMs(orderId: string): number | undefined {
    const entry = this.#entries.get(orderId);
    return entry && Math.max(0, entry.endsAt - this.#clock.now());
  }

  /**
   * Tells the broker that the person saw the warning.
   * @throws unavailable
   */
  async seen(orderId: string): Promise<void> {
    await this.#connection.call('order:ack', { orderId, state: 'seen' });
    this.#change(orderId, { seen: true });
  }

  /**
   * Says that the work is saved: the broker may end the session early.
   * @throws unavailable, not_found
   */
  async saved(orderId: string): Promise<void> {
    await this.#tell(orderId, 'saved');
    this.#change(orderId, { work: 'saved', tried: true });
  }

  /**
   * Asks for more time.
   * @returns milliseconds left
   * @throws unavailable, extension_refused
   */
  async extend(orderId: string, ms: number): Promise<number> {
    const { deadlineMs } = await this.#connection.call('order:extend', { orderId, ms });
    if (Number.isFinite(deadlineMs)) this.#change(orderId, { endsAt: this.#clock.now() + deadlineMs });
    return deadlineMs;
  }

  /** Saves under a hold: of the first logoff if the person asked, of those that are near otherwise. Reports the result. */
  async save(cause: SaveCause): Promise<SaveResult> {
    const logoffs = this.#logoffs();
    const meant = cause === 'asked' ? logoffs.slice(0, 1) : logoffs.filter((entry) => this.#isNear(entry));
    for (const entry of meant) this.#change(entry.push.orderId, { work: 'saving', tried: true });
    const times = await Promise.all(meant.map((entry) => this.#hold(entry)));
    const leftMs = Math.min(UNHURRIED_MS, ...times);
    const result = await this.#saving.run(cause, Math.max(0, leftMs / 2, leftMs - REPORT_MS));
    await Promise.all(meant.map((entry) => this.#report(entry, result, cause)));
    return result;
  }

  /** How long the session is left with a hold; a broker that does not answer grants none. */
  async #hold({ push, endsAt }: Entry): Promise<number> {
    const leftMs = endsAt - this.#clock.now();
    if (!push.holdable) return leftMs;
    try {
      const timeoutMs = Math.max(0, Math.min(HOLD_ANSWER_MS, leftMs / 2));
      const payload = { orderId: push.orderId, state: 'saving' } as const;
      const { deadlineMs, holdMs } = await this.#connection.call('order:ack', payload, { timeoutMs });
      const longerMs = Math.max(deadlineMs, holdMs);
      if (!Number.isFinite(longerMs)) return leftMs;
      this.#change(push.orderId, { endsAt: this.#clock.now() + longerMs });
      return longerMs;
    } catch {
      return endsAt - this.#clock.now();
    }
  }

  /**
   * An ending for idleness that nobody asked to hasten is not hastened by reporting `saved`: until its deadline the
   * person may come back.
   */
  async #report({ push, endsAt }: Entry, result: SaveResult, cause: SaveCause): Promise<void> {
    this.#change(push.orderId, { work: result.saved ? 'saved' : 'failed' });
    try {
      if (!result.saved) {
        await this.#tell(push.orderId, 'saving', result.failures.join(' '));
        return;
      }
      const patienceMs =
        push.reason === 'idle' && cause === 'deadline' ? endsAt - this.#clock.now() - REPORT_MS : 0;
      if (patienceMs > 0) await pause(this.#clock, patienceMs, this.#stopped.signal);
      if (this.#entries.has(push.orderId)) await this.#tell(push.orderId, 'saved');
    } catch {
      // The session ends at the deadline instead of early.
    }
  }

  async #tell(orderId: string, state: AckState, why?: string): Promise<void> {
    const payload = {
      orderId,
      state,
      ...(why !== undefined && { why: oneLine(why, MAX_WHY_LENGTH).trim() || UNKNOWN_WHY }),
    };
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#connection.call('order:ack', payload, { waitMs: this.remainingMs(orderId) ?? 0 });
        return;
      } catch (error) {
        if (attempt === REPORT_ATTEMPTS || !mayRepeat(error) || !this.#entries.has(orderId)) throw error;
      }
    }
  }

  /** Near a deadline, unsaved work is saved without being asked. Who has nothing to save stays to the end. */
  #saveByItself(): void {
    if (this.#saving.isDue()) void this.save('deadline');
    else if ((this.logoffMs ?? 0) > 0) this.#due.after(LOOK_AGAIN_MS);
  }

  /** Those that end the session, the first one first. */
  #logoffs(): readonly Entry[] {
    const logoffs = [...this.#entries.values()].filter((entry) => entry.push.action === 'logoff');
    return logoffs.toSorted((a, b) => a.endsAt - b.endsAt);
  }

  #isNear(entry: Entry): boolean {
    return !entry.tried && this.#clock.now() >= entry.endsAt - this.#leadMs;
  }

  #put(push: WarningPush): void {
    const known = this.#entries.get(push.orderId);
    const said = this.#clock.now() + push.deadlineMs;
    const isLate = known !== undefined && said > known.endsAt && said < known.endsAt + LATE_PUSH_MS;
    const endsAt = isLate ? known.endsAt : said;
    const later = known !== undefined && endsAt > known.endsAt + this.#leadMs;
    this.#entries.set(push.orderId, {
      push,
      endsAt,
      seen: known?.seen ?? false,
      work: known === undefined || later ? 'open' : known.work,
      tried: known !== undefined && !later && known.tried,
    });
    this.#versions.delete(push.orderId);
    this.#versions.set(push.orderId, push.version);
    const [oldest] = this.#versions.keys();
    if (this.#versions.size > KEPT_VERSIONS && oldest !== undefined) this.#versions.delete(oldest);
  }

  #change(orderId: string, changes: Partial<Entry>): void {
    const entry = this.#entries.get(orderId);
    if (!entry) return;
    this.#entries.set(orderId, { ...entry, ...changes });
    this.#publish();
  }

  #publish(): void {
    this.#changed(Array.from(this.#entries.values(), shown));
    const next = this.#logoffs().find((entry) => !entry.tried);
    if (next) this.#due.at(next.endsAt - this.#leadMs);
    else this.#due.clear();
  }
}

function shown({ push, seen, work }: Entry): Warning {
  const { orderId, version, action, reason, message, by, extendable, holdable } = push;
  return { orderId, version, action, reason, message, by, extendable, holdable, seen, work };
}
