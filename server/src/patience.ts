import { LastcallError } from '@lastcall/shared';

/** Whoever asks is answered within two seconds while Redis is slow, the way to them included. */
export const ANSWER_LIMIT_MS = 1_900;

/**
 * How long an edge waits for core. Each command has a limit of its own, but a request may take several of them: while
 * Redis is slow it is answered `unavailable` when its time is up, as if the answer of Redis were lost. Work that merely
 * is long goes on.
 */
export class Patience {
  readonly #isSlow: () => boolean;
  readonly #limitMs: number;

  constructor(isSlow: () => boolean, limitMs = ANSWER_LIMIT_MS) {
    this.#isSlow = isSlow;
    this.#limitMs = limitMs;
  }

  /**
   * The outcome of some work, which is not stopped. What comes of it when nobody waits any more goes to `late`.
   * @throws LastcallError `unavailable` when its time is up
   */
  async wait<T>(work: Promise<T>, late: (outcome: T) => void = () => undefined): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const up = new Promise<never>((_resolve, reject) => {
      const look = (): void => {
        isOver = this.#isSlow();
        if (isOver) reject(tooLate());
        else timer = setTimeout(look, this.#limitMs);
      };
      timer = setTimeout(look, this.#limitMs);
    });
    work.then(
      (outcome) => isOver && late(outcome),
      // Heard below, or by nobody: they were told that the outcome is unknown.
      () => undefined,
    );
    try {
      return await Promise.race([work, up]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function tooLate(): LastcallError {
  const message = 'The session store is slow. Try again in a moment.';
  return new LastcallError('unavailable', message, { retryAfterMs: 2_000 });
}
