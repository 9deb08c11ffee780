/** Milliseconds that only go forward; for measuring, never for deciding. */
export type Monotonic = () => number;

/**
 * What Redis' clock shows, estimated between two of its answers by this process's monotonic clock. It turns instants
 * into milliseconds left for people to see; every decision is made in Redis by Redis' own clock.
 */
export class StoreClock {
  readonly #monotonic: Monotonic;
  #offset: number;

  constructor(monotonic: Monotonic = () => performance.now()) {
    this.#monotonic = monotonic;
    this.#offset = Date.now() - monotonic();
  }

  /** Notes an instant that Redis just answered with (epoch ms). */
  observe(now: number): void {
    this.#offset = now - this.#monotonic();
  }

  /** Redis' instant now, epoch ms. */
  now(): number {
    return Math.round(this.#offset + this.#monotonic());
  }

  /** Milliseconds left until an instant, never below 0. */
  left(at: number): number {
    return Math.max(0, at - this.now());
  }
}
