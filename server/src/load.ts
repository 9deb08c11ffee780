/** Lateness that is nothing, and lateness at which the process is asked for as little as possible. */
const EASY_MS = 50;
const FULL_MS = 250;
/** After this time half of a lateness is forgotten. */
const HALF_LIFE_MS = 1_000;

/**
 * How late things are in this process: turns of its loop, commits of heartbeats. Under strain it asks for heartbeats
 * less often and admits more slowly, so that what it has begun stays in time.
 */
export class Load {
  #lateMs = 0;
  #at = 0;

  /** Something came this much later than it would have in an idle process. */
  note(lateMs: number, now: number = performance.now()): void {
    this.#lateMs = Math.max(this.#late(now), lateMs);
    this.#at = now;
  }

  /** From 0, at ease, to 1. */
  strain(now: number = performance.now()): number {
    return Math.min(1, Math.max(0, (this.#late(now) - EASY_MS) / (FULL_MS - EASY_MS)));
  }

  #late(now: number): number {
    return this.#lateMs * 2 ** ((this.#at - now) / HALF_LIFE_MS);
  }
}
