import {
  type AcquireAnswer,
  type AcquireRequest,
  LastcallError,
  type Lock,
  type LockHolder,
} from '@lastcall/shared';
import { Alarm, type Clock, pause } from './clock.js';
import { mayRepeat, toError, unavailable } from './errors.js';
import type { LockHandle } from './handle.js';
import { isLock } from './pushes.js';
import type { WaitingView } from './snapshot.js';

/** A wait that is over is asked about after this, in case the news was lost. */
const NEWS_MS = 2_000;
/** An unknown outcome is asked about for this long beyond the wait. */
const PATIENCE_MS = 20_000;
/** Between repetitions, with full jitter on top. */
const REPEAT_MS = 250;

export interface RequestPorts {
  readonly clock: Clock;
  readonly random: () => number;
  /** Resolves when there is a connection and earlier business with the resource is done. */
  ready(resource: string): Promise<void>;
  send(payload: AcquireRequest, late: (answer: AcquireAnswer) => void): Promise<AcquireAnswer>;
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

/** One wish for a lock, from the first question to its outcome; repeated under the same id until that is known. */
export class LockRequest {
  readonly id: string;
  readonly resource: string;
  readonly handle: Promise<LockHandle>;
  readonly #payload: AcquireRequest;
  readonly #ports: RequestPorts;
  readonly #waitUntil: number;
  readonly #news: Alarm;
  readonly #settled = new AbortController();
  #outcome: 'open' | 'granted' | 'failed' = 'open';
  #sent = false;
  #resolve: (handle: LockHandle) => void = () => undefined;
  #reject: (reason: unknown) => void = () => undefined;
  #asking = false;
  #place: { readonly position: number; readonly blockers: readonly LockHolder[] } | undefined;

  constructor(payload: AcquireRequest, ports: RequestPorts, signal?: AbortSignal) {
    this.id = payload.requestId;
    this.resource = payload.resource;
    this.#payload = payload;
    this.#ports = ports;
    this.#waitUntil = ports.clock.now() + (payload.waitMs ?? 0);
    this.#news = new Alarm(ports.clock, () => void this.ask());
    this.handle = new Promise((resolve, reject) => {
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
    if (!this.#place || this.#outcome !== 'open') return undefined;
    return { requestId: this.id, resource: this.resource, ...this.#place };
  }

  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    while (this.#asking) {
      try {
        await this.#ports.ready(this.resource);
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
  grant(lock: Lock): void {
    if (this.#outcome !== 'open') {
      this.#ports.unwanted(lock);
      return;
    }
    const handle = this.#ports.hold(lock);
    this.#settle('granted', () => {
      this.#resolve(handle);
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

  async #question(): Promise<void> {
    this.#sent = true;
    const waitMs = Math.max(0, Math.round(this.#waitUntil - this.#ports.clock.now()));
    const answer = await this.#ports.send({ ...this.#payload, waitMs }, this.#hear);
    this.#asking = false;
    this.#hear(answer);
  }

  readonly #hear = (answer: AcquireAnswer): void => {
    if (answer.state === 'granted' && isLock(answer.lock)) this.grant(answer.lock);
    else if (answer.state === 'queued') this.queue(answer.position, answer.blockers);
    else throw unavailable('The broker answered with something unreadable.');
  };

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
    if (error.extras.outcome === 'denied') this.#giveUp();
    else this.deny(error);
    return false;
  }

  #giveUp(): void {
    this.fail(new LastcallError('locked', 'The wait for this record is over.'));
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
