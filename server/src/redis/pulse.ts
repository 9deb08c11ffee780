/** An answer that takes longer than this is slow: it takes a millisecond when all is well. */
const SLOW_MS = 500;
/** For so long a slow answer is remembered: the next ones may be on their way still. */
const REMEMBER_MS = 2_000;

/** How fast Redis answers, from what is asked of it anyway. */
export class Pulse {
  #waiting = 0;
  /** The last answer, or when somebody began to wait for one. */
  #heardAt = 0;
  #slowUntil = 0;

  /** How many commands have no answer yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** A command goes out; call back when it is answered or has failed. */
  begin(): () => void {
    const sentAt = performance.now();
    if (this.#waiting === 0) this.#heardAt = sentAt;
    this.#waiting += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#waiting -= 1;
      this.#heardAt = performance.now();
      if (this.#heardAt - sentAt > SLOW_MS) this.#slowUntil = this.#heardAt + REMEMBER_MS;
    };
  }

  /** Whether whoever waits now waits for Redis, rather than for much work. */
  get isSlow(): boolean {
    const now = performance.now();
    return now < this.#slowUntil || (this.#waiting > 0 && now - this.#heardAt > SLOW_MS);
  }
}
