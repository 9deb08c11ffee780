/** Time and timers as the SDK sees them; replaced in tests. */
export interface Clock {
  /** Milliseconds on a clock that never goes back and goes on while the device sleeps. */
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** Some platforms stop their monotonic clock during sleep; a wall clock this far ahead of it says so. */
const SLEEP_GAP_MS = 1_000;

/** The clock of this device. A wall clock set forward counts as sleep, which only causes an early check. */
export function systemClock(): Clock {
  let lastSteady = performance.now();
  let lastWall = Date.now();
  let sleptMs = 0;
  return {
    now() {
      const steady = performance.now();
      const wall = Date.now();
      const gapMs = wall - lastWall - (steady - lastSteady);
      if (gapMs > SLEEP_GAP_MS) sleptMs += gapMs;
      lastSteady = steady;
      lastWall = wall;
      return steady + sleptMs;
    },
    setTimeout: (run, ms) => setTimeout(run, ms),
    clearTimeout: (timer) => {
      clearTimeout(timer as number);
    },
  };
}

/** Timers stand still while a device sleeps, so none is trusted for longer than this. */
const LOOK_MS = 5_000;

/** Runs something once at an instant of the clock, at the latest `LOOK_MS` after waking up. */
export class Alarm {
  readonly #clock: Clock;
  readonly #run: () => void;
  #timer: unknown;
  #instant: number | undefined;

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock;
    this.#run = run;
  }

  at(instant: number): void {
    this.clear();
    this.#instant = instant;
    this.#arm(instant);
  }

  after(ms: number): void {
    this.at(this.#clock.now() + ms);
  }

  get set(): boolean {
    return this.#instant !== undefined;
  }

  /** Runs at once if it is due: for whoever learns of time from elsewhere than a timer. */
  look(): void {
    if (this.#instant === undefined || this.#clock.now() < this.#instant) return;
    this.clear();
    this.#run();
  }

  clear(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#instant = undefined;
  }

  #arm(instant: number): void {
    const leftMs = Math.max(0, Math.ceil(instant - this.#clock.now()));
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#clock.now() < instant) this.#arm(instant);
        else this.look();
      },
      Math.min(leftMs, LOOK_MS),
    );
  }
}

/** Resolves after some time, or at once when the signal aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
