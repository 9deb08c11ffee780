/**
 * The broker's clock, which every instant is on. What it said most recently was at that time or before, so the largest
 * difference seen is the nearest to the truth.
 */
export class BrokerClock {
  #ahead = Number.NEGATIVE_INFINITY;

  /** The broker said that it was this late (epoch milliseconds). */
  observe(at: number): void {
    this.#ahead = Math.max(this.#ahead, at - performance.now());
  }

  /** What was seen may be old: the machine may have slept. */
  reset(): void {
    this.#ahead = Number.NEGATIVE_INFINITY;
  }

  now(): number {
    return Number.isFinite(this.#ahead) ? this.#ahead + performance.now() : Date.now();
  }
}
