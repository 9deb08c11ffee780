import { LastcallError, type UserRef } from '@lastcall/shared';
import { unavailable } from './errors.js';
import type { Logger } from './logger.js';

/** Answers that are kept, when any are. */
const MAX_KEPT = 10_000;
/** What a client may be told to wait when the broker does not say. */
const RETRY_MS = 1_000;

export interface GuardSettings {
  readonly url: string;
  readonly token: string | ((tenant: string) => string | Promise<string>);
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly logger: Logger;
}

interface Kept {
  readonly answer: object;
  readonly until: number;
}

/** Asks the broker what an application's back end has to know before it writes. Whatever goes wrong is a refusal. */
export class Guard {
  readonly #settings: GuardSettings;
  readonly #base: string;
  readonly #kept = new Map<string, Kept>();

  constructor(settings: GuardSettings) {
    this.#settings = settings;
    this.#base = settings.url.replace(/\/+$/, '');
  }

  /**
   * Whose session this is, if it is live.
   * @throws LastcallError `session_ended`, `invalid`, `unavailable`
   */
  async session(tenant: string, sessionId: string): Promise<UserRef> {
    const body = { sessionId };
    const { user } = await this.#ask(tenant, 'sessions/check', body, (answer) => {
      if (answer['live'] !== true) {
        throw new LastcallError('session_ended', 'This session is over. Sign in again.');
      }
      const found = answer['user'] as UserRef | undefined;
      if (typeof found?.id !== 'string') throw unavailable('The broker answered with something unreadable.');
      return { user: found };
    });
    return user;
  }

  /**
   * Refuses unless the session holds the resource alone, with this fence.
   * @throws LastcallError `not_held`, `invalid`, `unavailable`
   */
  async lock(tenant: string, sessionId: string, resource: string, fence: number): Promise<void> {
    await this.#ask(tenant, 'locks/check', { resource, fence, sessionId }, (answer) => {
      if (answer['valid'] !== true) throw notHeld();
      if (answer['mode'] !== 'exclusive') {
        throw new LastcallError(
          'not_held',
          'This lock is for reading, as others have it, too. Upgrade it first.',
        );
      }
      return answer;
    });
  }

  /** Only what was allowed is kept, and only if the application wants that. */
  async #ask<T extends object>(
    tenant: string,
    call: string,
    body: object,
    read: (answer: Readonly<Record<string, unknown>>) => T,
  ): Promise<T> {
    const key = JSON.stringify([tenant, call, body]);
    const now = performance.now();
    const kept = this.#kept.get(key);
    if (kept && kept.until > now) return kept.answer as T;
    const answer = read(await this.#post(tenant, call, body));
    if (this.#settings.cacheMs > 0) this.#keep(key, { answer, until: now + this.#settings.cacheMs });
    return answer;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }

  async #post(tenant: string, call: string, body: object): Promise<Readonly<Record<string, unknown>>> {
    const { token, timeoutMs, logger } = this.#settings;
    try {
      const bearer = typeof token === 'string' ? token : await token(tenant);
      const response = await fetch(`${this.#base}/v1/tenants/${encodeURIComponent(tenant)}/${call}`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${bearer}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      });
      const answer = (await response.json()) as Readonly<Record<string, unknown>>;
      if (response.ok) return answer;
      if (response.status === 400) {
        throw new LastcallError('invalid', 'The session, the resource or the fence is not one.');
      }
      // A token that is not good, a wrong address: the one who runs this has to know, the client has not.
      if (response.status < 500 && response.status !== 429) {
        logger.warn(`The broker refused a ${call} with ${response.status}`, answer['detail']);
      }
      throw outOfReach(answer['retryAfterMs']);
    } catch (error) {
      if (error instanceof LastcallError) throw error;
      logger.warn(`The broker did not answer a ${call}`, error);
      throw outOfReach();
    }
  }
}

export function notHeld(): LastcallError {
  return new LastcallError(
    'not_held',
    'The lock under which this was to be written is gone. Lock the record again, and look at what it says now.',
  );
}

function outOfReach(retryAfterMs: unknown = RETRY_MS): LastcallError {
  return new LastcallError(
    'unavailable',
    'Nothing can be written now, because locks cannot be checked. Try again in a moment.',
    { retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : RETRY_MS },
  );
}
