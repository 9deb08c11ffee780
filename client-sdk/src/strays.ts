import type { LastcallError } from '@lastcall/shared';
import type { Clock } from './clock.js';

/** What waited for a store that was away is carried out within this time, once the store answers again. */
const SETTLED_MS = 15_000;
const MOST = 8;

/**
 * Attempts to connect that came to nothing, though a broker may still carry them out, since their outcome is unknown.
 * One that is carried out late takes the session from the link in use, as another window would.
 */
export class Strays {
  readonly #clock: Clock;
  #count = 0;
  #settledAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An attempt failed; a refusal that says why is an outcome. */
  note(error: LastcallError): void {
    if (error.code !== 'unavailable') return;
    this.#count = Math.min(MOST, this.#count + 1);
    this.#settledAt = undefined;
  }

  /** The link in use was answered. */
  proved(): void {
    if (this.#count === 0) return;
    const now = this.#clock.now();
    this.#settledAt ??= now + SETTLED_MS;
    if (now >= this.#settledAt) this.#count = 0;
  }

  /** Whether it may have been one of them that took the session. Each can do so once. */
  took(): boolean {
    if (this.#count === 0) return false;
    this.#count -= 1;
    return true;
  }
}
