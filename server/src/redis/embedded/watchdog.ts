/** Unanswered questions in a row after which the engine counts as hung: by default, and while it saves. */
const UNANSWERED_LIMIT = 10;
const UNANSWERED_LIMIT_SAVING = 10 * UNANSWERED_LIMIT;

/**
 * Notices an engine that does not answer. It counts questions, not time: after a sleep of the whole machine the
 * engine gets its full time again.
 */
export class Watchdog {
  readonly #ask: () => void;
  readonly #onHang: () => void;
  readonly #timer: NodeJS.Timeout;
  #unanswered = 0;
  #saving = false;

  constructor(hangLimitMs: number, hooks: { ask: () => void; onHang: () => void }) {
    this.#ask = hooks.ask;
    this.#onHang = hooks.onHang;
    this.#timer = setInterval(() => this.#tick(), hangLimitMs / UNANSWERED_LIMIT);
    this.#timer.unref();
  }

  heard(): void {
    this.#unanswered = 0;
    this.#saving = false;
  }

  /** The engine said that it writes its data: it is silent until that is done. */
  saving(): void {
    this.#unanswered = 0;
    this.#saving = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.#unanswered === 0) this.#ask();
    this.#unanswered += 1;
    if (this.#unanswered > (this.#saving ? UNANSWERED_LIMIT_SAVING : UNANSWERED_LIMIT)) {
      this.stop();
      this.#onHang();
    }
  }
}
