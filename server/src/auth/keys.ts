import { LastcallError } from '@lastcall/shared';
import { createRemoteJWKSet, errors, type JWKSCacheInput, type JWTVerifyGetKey, jwksCache } from 'jose';
import { isLongEnough, MIN_SECRET_BYTES } from '../schema/settings.js';

/** How keys of an address are fetched, in milliseconds: the wait for an answer, between fetches, and until a fresh one. */
const FETCH_TIMEOUT_MS = 5_000;
const FETCH_COOLDOWN_MS = 10_000;
const FETCH_MAX_AGE_MS = 600_000;
const RETRY_AFTER_MS = 5_000;

/** @throws {RangeError} for a secret that is shorter than HS256 allows. */
export function requireLongSecret(secret: string): void {
  if (!isLongEnough(secret))
    throw new RangeError(`The JWT secret must have at least ${MIN_SECRET_BYTES} bytes.`);
}

/**
 * The key of a shared secret.
 *
 * @throws {RangeError} for a secret that is shorter than HS256 allows.
 */
export function importSecret(secret: string) {
  requireLongSecret(secret);
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  return crypto.subtle.importKey('raw', Buffer.from(secret), algorithm, false, ['sign', 'verify']);
}

/** Errors of a key set that say something of the token, not of the address the keys come from. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

/** The keys that an address publishes. */
export interface RemoteKeys {
  readonly find: JWTVerifyGetKey;
  /** Stands for the keys as they were fetched last; undefined while they are to be fetched. */
  published(): object | undefined;
}

/**
 * The keys that an address publishes. A key that is not known is looked for again, at most once per cooldown, so that
 * keys can be replaced while the broker runs and forged key ids cannot make it ask for ever.
 */
export function remoteKeys(url: string, cooldownMs: number = FETCH_COOLDOWN_MS): RemoteKeys {
  // Gets what was fetched each time.
  const fetched: JWKSCacheInput = {};
  const keys = createRemoteJWKSet(new URL(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: cooldownMs,
    cacheMaxAge: FETCH_MAX_AGE_MS,
    [jwksCache]: fetched,
  });
  const find: JWTVerifyGetKey = async (header, token) => {
    try {
      return await keys(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      const refused = new LastcallError(
        'unavailable',
        'The keys that sign-ins are checked with cannot be fetched. Try again in a moment.',
        { retryAfterMs: RETRY_AFTER_MS },
      );
      throw Object.assign(refused, { cause: error });
    }
  };
  return { find, published: () => (keys.fresh ? fetched['jwks'] : undefined) };
}

const KEY_TYPES = new Set(['RSA', 'EC', 'OKP']);

/** How many keys that tokens could be signed with an address publishes now. @throws Error when they cannot be fetched */
export async function countKeys(url: string): Promise<number> {
  const set = createRemoteJWKSet(new URL(url), { timeoutDuration: FETCH_TIMEOUT_MS });
  await set.reload();
  return (set.jwks()?.keys ?? []).filter(({ kty, use }) => KEY_TYPES.has(kty ?? '') && use !== 'enc').length;
}
