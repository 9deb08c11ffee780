import { type Clock, pause } from './clock.js';
import type { PageLocks } from './page-locks.js';

/** A page that was reloaded may have to wait for its own past self. */
const PATIENCE_MS = 500;

/**
 * This page's right to a session. A tab that is duplicated has the first one's ticket too; without this they would take
 * the session from each other.
 */
export class Claim {
  readonly #locks: PageLocks | undefined;
  readonly #clock: Clock;
  /** The latest question, or its answer. */
  #taken: { readonly sessionId: string; readonly isOurs: Promise<boolean> } | undefined;
  #release: () => void = () => undefined;

  constructor(locks: PageLocks | undefined, clock: Clock) {
    this.#locks = locks;
    this.#clock = clock;
  }

  /** Whether the session is this page's; where nobody can say, it is. */
  take(sessionId: string): Promise<boolean> {
    if (!this.#locks) return Promise.resolve(true);
    if (this.#taken?.sessionId !== sessionId) {
      this.release();
      this.#taken = { sessionId, isOurs: this.#ask(this.#locks, sessionId) };
    }
    return this.#taken.isOurs;
  }

  release(): void {
    this.#release();
    this.#release = () => undefined;
    this.#taken = undefined;
  }

  async #ask(locks: PageLocks, sessionId: string): Promise<boolean> {
    const over = new AbortController();
    this.#release = () => {
      over.abort();
    };
    const isOurs = await Promise.race([
      this.#hold(locks, sessionId, over.signal),
      pause(this.#clock, PATIENCE_MS, over.signal).then(() => false),
    ]);
    if (!isOurs) over.abort();
    return isOurs;
  }

  /** Holds the lock until the signal says that it is over, or the page is gone. */
  #hold(locks: PageLocks, sessionId: string, over: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const held = (): Promise<void> => {
        resolve(true);
        return new Promise((release) => {
          if (over.aborted) release();
          over.addEventListener('abort', () => {
            release();
          });
        });
      };
      locks.request(`lastcall-session:${sessionId}`, { signal: over }, held).catch(() => {
        // Given up, which is decided already, or refused altogether, as in a sandbox: nobody can say.
        resolve(true);
      });
    });
  }
}
