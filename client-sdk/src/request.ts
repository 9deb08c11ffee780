import { type AcquireAnswer, LastcallError, type Lock, type LockHolder } from '@lastcall/shared';
import { Alarm, type Clock, pause } from './clock.js';
import { mayRepeat, toError, unavailable } from './errors.js';
import type { LockHandle } from './handle.js';
import { isLock } from './pushes.js';
import type { WaitingView } from './snapshot.js';

/** A wait that is over is asked about after this, in case the news was lost. */
const NEWS_MS = 2_000;
/** What became of a request that was refused while its client was away: its time was over, or the holder kept the lock. */
const REFUSALS: ReadonlySet<unknown> = new Set(['denied', 'kept', 'refused']);
/** An unknown outcome is asked about for this long beyond the wait. */
const PATIENCE_MS = 20_000;
/** Between repetitions, with full jitter on top. */
const REPEAT_MS = 250;

/** What the broker says to a wish: granted, a place to wait at, or that the holder is asked. */
export type WishAnswer =
  | { readonly state: 'granted'; readonly locks: readonly Lock[] }
  | { readonly state: 'asked'; readonly deadlineMs: number }
  | Extract<AcquireAnswer, { state: 'queued' }>;

/** What is wished for, and how it is said. */
export interface Wish {
  readonly requestId: string;
  readonly resources: readonly string[];
  readonly waitMs: number;
  /** It is another session's, which is asked to let it go. */
  readonly takeover?: true;
  send(waitMs: number, late: (answer: WishAnswer) => void): Promise<WishAnswer>;
}

export interface RequestPorts {
  readonly clock: Clock;
  readonly random: () => number;
  /** Resolves when there is a connection and earlier business with these resources is done. */
  ready(resources: readonly string[]): Promise<void>;
  /** Takes over a granted lock. */
  hold(lock: Lock): LockHandle;
  /** Nobody wants this lock any more. */
  unwanted(lock: Lock): void;
  /** Nobody waits for this request any more. */
  cancel(request: LockRequest): void;
  changed(): void;
  /** The request is decided and answered. */
  over(request: LockRequest): void;
}

/** One wish for a lock, or for several at once, from the first question to its outcome; repeated under the same id until that is known. */
export class LockRequest {
  readonly id: string;
  readonly resources: readonly string[];
  readonly handles: Promise<readonly LockHandle[]>;
  readonly #wish: Wish;
  readonly #ports: RequestPorts;
  readonly #news: Alarm;
  readonly #settled = new AbortController();
  #outcome: 'open' | 'granted' | 'failed' = 'open';
  #sent = false;
  #resolve: (handles: readonly LockHandle[]) => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;
  #asking = false;
  #waitUntil: number;
  #place: { readonly position: number; readonly blockers: readonly LockHolder[] } | undefined;

  constructor(wish: Wish, ports: RequestPorts, signal?: AbortSignal) {
    this.id = wish.requestId;
    this.resources = wish.resources;
    this.#wish = wish;
    this.#ports = ports;
    this.#waitUntil = ports.clock.now() + wish.waitMs;
    this.#news = new Alarm(ports.clock, () => void this.ask());
    this.handles = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    signal?.addEventListener(
      'abort',
      () => {
        this.fail(signal.reason);
      },
      { signal: this.#settled.signal },
    );
  }

  /** A question is under way whose answer may be a grant. */
  get asking(): boolean {
    return this.#asking;
  }

  /** Its place in the queue while it waits there. */
  get view(): WaitingView | undefined {
    const [resource] = this.resources;
    if (!this.#place || !resource || this.#outcome !== 'open') return undefined;
    const { takeover } = this.#wish;
    return { requestId: this.id, resource, ...this.#place, ...(takeover && { takeover }) };
  }

  /** Milliseconds until the wait, or the holder's time to answer, is over. */
  get remainingMs(): number | undefined {
    return this.#place && Math.max(0, this.#waitUntil - this.#ports.clock.now());
  }

  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    while (this.#asking) {
      try {
        await this.#ports.ready(this.resources);
        if (this.#outcome === 'open') await this.#question();
        this.#asking = false;
      } catch (error) {
        this.#asking = true;
        this.#asking = await this.#again(toError(error));
      }
    }
    this.#ports.changed();
    if (this.#outcome !== 'open') this.#ports.over(this);
  }

  /** The broker granted it. */
  grant(locks: readonly Lock[]): void {
    if (this.#outcome !== 'open') {
      for (const lock of locks) this.#ports.unwanted(lock);
      return;
    }
    const handles = locks.map((lock) => this.#ports.hold(lock));
    this.#settle('granted', () => {
      this.#resolve(handles);
    });
  }

  /** It came to nothing: refused, given up, or not to be decided any more. */
  fail(reason: unknown): void {
    if (this.#outcome !== 'open') return;
    if (this.#place && !this.#asking) this.#ports.cancel(this);
    this.#settle('failed', () => {
      this.#reject(reason);
    });
  }

  /** The broker refused it, so that there is nothing to cancel. */
  deny(error: LastcallError): void {
    this.#place = undefined;
    this.fail(error);
  }

  /** The broker knows it at this place. */
  queue(position: number, blockers: readonly LockHolder[] = this.#place?.blockers ?? []): void {
    if (this.#outcome === 'failed') this.#ports.cancel(this);
    if (this.#outcome !== 'open') return;
    this.#place = { position, blockers };
    this.#ports.changed();
    const now = this.#ports.clock.now();
    if (now < this.#waitUntil + PATIENCE_MS) this.#news.at(Math.max(this.#waitUntil, now) + NEWS_MS);
    else this.#giveUp();
  }

  /** Its place in the queue is another one. */
  move(position: number): void {
    if (!this.#place || this.#place.position === position || this.#wish.takeover) return;
    this.#place = { ...this.#place, position };
    this.#ports.changed();
  }

  async #question(): Promise<void> {
    this.#sent = true;
    const waitMs = Math.max(0, Math.round(this.#waitUntil - this.#ports.clock.now()));
    const answer = await this.#wish.send(waitMs, this.#hear);
    this.#asking = false;
    this.#hear(answer);
  }

  readonly #hear = (answer: WishAnswer): void => {
    if (answer.state === 'granted' && answer.locks.every(isLock)) this.grant(answer.locks);
    else if (answer.state === 'queued') this.queue(answer.position, answer.blockers);
    else if (answer.state === 'asked') this.#asked(answer.deadlineMs);
    else throw unavailable('The broker answered with something unreadable.');
  };

  /** The holder has so long to answer; the place at the head of the queue is ours. */
  #asked(deadlineMs: number): void {
    this.#waitUntil = this.#ports.clock.now() + (Number.isFinite(deadlineMs) ? deadlineMs : 0);
    this.queue(1);
  }

  /** Whether to ask again. What may have been granted although nobody waits for it any more is cancelled. */
  async #again(error: LastcallError): Promise<boolean> {
    const patienceMs = this.#sent ? PATIENCE_MS : 0;
    const unknown = mayRepeat(error);
    if (unknown && this.#outcome === 'open' && this.#ports.clock.now() < this.#waitUntil + patienceMs) {
      const toldMs = Math.min(error.extras.retryAfterMs ?? REPEAT_MS, PATIENCE_MS);
      const waitMs = toldMs + this.#ports.random() * REPEAT_MS;
      await pause(this.#ports.clock, waitMs, this.#settled.signal);
      if (this.#outcome === 'open') return true;
    }
    if (unknown && this.#sent && this.#outcome !== 'granted') this.#ports.cancel(this);
    if (REFUSALS.has(error.extras.outcome)) this.#giveUp();
    else this.deny(error);
    return false;
  }

  #giveUp(): void {
    const names = this.#place && { blockers: this.#place.blockers };
    this.fail(
      this.#wish.takeover
        ? new LastcallError('takeover_refused', 'The holder keeps the record. Ask again later.')
        : new LastcallError('locked', 'The wait for this record is over.', names),
    );
  }

  #settle(outcome: 'granted' | 'failed', answer: () => void): void {
    this.#outcome = outcome;
    this.#news.clear();
    this.#settled.abort();
    answer();
    this.#ports.changed();
    if (!this.#asking) this.#ports.over(this);
  }
}
