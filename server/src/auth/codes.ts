import { createHash, randomBytes } from 'node:crypto';

/** How long a sign-in link is good for, in milliseconds. */
export const CODE_MS = 600_000;
/** Links that are out at once; beyond that the oldest is good no more. */
const MAX_CODES = 100;

const hashOf = (code: string): string => createHash('sha256').update(code).digest('base64url');

/**
 * Codes for links that sign in once: an address may be read by others, so what stands there is soon worth nothing. They
 * are known to this process alone, and only by their hashes.
 */
export class SignInCodes<T> {
  readonly #known = new Map<string, { readonly worth: T; readonly until: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** A new code for something, good once and for {@link CODE_MS}. */
  make(worth: T): string {
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= MAX_CODES) this.#known.delete(oldest);
    const code = randomBytes(32).toString('base64url');
    this.#known.set(hashOf(code), { worth, until: this.#now() + CODE_MS });
    return code;
  }

  /** What a code was made for; it is good no more after that. */
  take(code: string): T | undefined {
    const hash = hashOf(code);
    const found = this.#known.get(hash);
    this.#known.delete(hash);
    return found && found.until > this.#now() ? found.worth : undefined;
  }
}
