import { LastcallError } from '@lastcall/shared';
import { type Clock, pause } from './clock.js';
import type { Connection } from './connection.js';
import { toError, unavailable } from './errors.js';
import type { Logger } from './logger.js';

/** A JWT, or what gets a fresh one; called at each connection and before the token expires. */
export type TokenSource = string | (() => string | Promise<string>);

/** A provider that takes longer counts as failed. */
const PROVIDER_MS = 15_000;
const REFRESH_ATTEMPTS = 5;
const REFRESH_PAUSE_MS = 5_000;

export class Tokens {
  readonly #source: TokenSource;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(source: TokenSource, clock: Clock, logger: Logger) {
    this.#source = source;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether the next token may be another one. */
  get fresh(): boolean {
    return typeof this.#source === 'function';
  }

  /**
   * The token to use now.
   * @throws unavailable when the provider fails; a `LastcallError` of the provider as it is
   */
  async get(): Promise<string> {
    if (typeof this.#source === 'string') return this.#source;
    const provider = this.#source;
    const answered = new AbortController();
    try {
      const token = await Promise.race([
        (async () => provider())(),
        pause(this.#clock, PROVIDER_MS, answered.signal).then(() => undefined),
      ]);
      if (typeof token !== 'string' || token === '') throw unavailable('There is no token to sign in with.');
      return token;
    } catch (error) {
      if (error instanceof LastcallError) throw error;
      this.#logger.warn('The token provider failed', error);
      throw unavailable('There is no token to sign in with.');
    } finally {
      answered.abort();
    }
  }

  /** Gives the broker a fresh token before the old one ends the session. */
  async refresh(connection: Connection, expiresInMs: number): Promise<void> {
    const until = this.#clock.now() + expiresInMs;
    for (
      let attempt = 1;
      attempt <= REFRESH_ATTEMPTS && this.fresh && this.#clock.now() < until;
      attempt += 1
    ) {
      try {
        await connection.call('auth:refresh', { token: await this.get() });
        return;
      } catch (error) {
        this.#logger.warn('The token was not refreshed', toError(error));
        await pause(this.#clock, REFRESH_PAUSE_MS, new AbortController().signal);
      }
    }
  }
}
