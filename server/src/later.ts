import { LastcallError } from '@lastcall/shared';

/** Kept at most; beyond that the sweep decides without what was to be said. */
const LIMIT = 10_000;

/** What a node has to say of its sockets, which waits while Redis is away. */
export class Later {
  readonly #untold: (() => Promise<void>)[] = [];
  #telling = false;

  /** Says it now, or when Redis is back. */
  async say(tell: () => Promise<void>): Promise<void> {
    try {
      await tell();
    } catch (error) {
      if (!isAway(error)) throw error;
      this.keep(tell);
    }
  }

  /** Says it when Redis is back. */
  keep(tell: () => Promise<void>): void {
    if (this.#untold.length < LIMIT) this.#untold.push(tell);
  }

  /**
   * Says what waits, as far as Redis answers.
   * @throws the last failure that has another cause; the others are said all the same
   */
  async retry(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    let failure: unknown;
    try {
      for (let next = this.#untold.shift(); next; next = this.#untold.shift()) {
        try {
          await next();
        } catch (error) {
          if (isAway(error)) {
            this.#untold.unshift(next);
            return;
          }
          failure = error;
        }
      }
    } finally {
      this.#telling = false;
    }
    if (failure !== undefined) throw failure;
  }
}

function isAway(error: unknown): boolean {
  return error instanceof LastcallError && error.code === 'unavailable';
}
