import type { Clock } from '@lastcall/client';

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now = 1_000;
  #last = 0;
  readonly #timers = new Map<number, Timer>();

  now(): number {
    return this.#now;
  }

  setTimeout(run: () => void, ms: number): unknown {
    this.#last += 1;
    this.#timers.set(this.#last, { at: this.#now + ms, run });
    return this.#last;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as number);
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Goes on, running every timer at its instant. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (let rounds = 0; rounds < 100_000; rounds += 1) {
      const [next] = [...this.#timers].toSorted(([, a], [, b]) => a.at - b.at);
      if (!next || next[1].at > until) break;
      this.#timers.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].run();
    }
    this.#now = until;
  }

  /** Time passes and no timer runs: the device sleeps, or the process is stopped. */
  sleep(ms: number): void {
    this.#now += ms;
  }
}
