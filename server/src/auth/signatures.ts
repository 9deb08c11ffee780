import { createHash, createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import {
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
  type ProtectedHeaderParameters,
  UnsecuredJWT,
} from 'jose';
import { refuse } from './claims.js';
import { type RemoteKeys, requireLongSecret } from './keys.js';

/** What is asked of the claims of a token. */
export type Rules = Omit<JWTVerifyOptions, 'algorithms'>;

/**
 * The claims of a token whose signature is right; its header is decoded already.
 *
 * @throws {LastcallError} `unauthenticated`, or `unavailable` when the keys cannot be fetched
 * @throws Error of `jose` when the claims are not as the rules have them
 */
export type Check = (token: string, header: ProtectedHeaderParameters, rules: Rules) => Promise<JWTPayload>;

/** Closed lists: a token never chooses how it is checked. */
const SECRET_ALGORITHM = 'HS256';
const KEY_SET_ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];

/** It says nothing of what is wrong with a signature. */
export const UNVERIFIED = 'The token cannot be verified. Sign in again.';

const WITHOUT_SIGNATURE = Buffer.from('{"alg":"none"}').toString('base64url');
/** Signatures that are remembered, as long as the keys are that they were checked with. */
const MAX_KNOWN = 10_000;

/** The claims of a token whose signature was checked: `jose` looks at them, which is told that there is no signature. */
function claimsOf(payload: string, rules: Rules): JWTPayload {
  return UnsecuredJWT.decode(`${WITHOUT_SIGNATURE}.${payload}.`, rules).payload;
}

/**
 * Checks by a shared secret, in place: an HMAC takes less than the way to a thread of the pool and back, by which Web
 * Crypto goes.
 *
 * @throws {RangeError} for a secret shorter than 32 bytes
 */
export function bySecret(secret: string): Check {
  requireLongSecret(secret);
  const key = createSecretKey(secret, 'utf8');
  return async (token, { alg, crit }, rules) => {
    const [header, payload = '', signature = '', ...more] = token.split('.');
    if (alg !== SECRET_ALGORITHM || crit !== undefined || more.length > 0) throw refuse(UNVERIFIED);
    const right = createHmac('sha256', key).update(`${header}.${payload}`).digest('base64url');
    // As texts: other texts may stand for the same bytes.
    if (signature.length !== right.length || !timingSafeEqual(Buffer.from(signature), Buffer.from(right))) {
      throw refuse(UNVERIFIED);
    }
    return claimsOf(payload, rules);
  };
}

/** Checks by the keys of an address; a signature once, as long as these keys are the ones that are published. */
export function byKeys(keys: RemoteKeys): Check {
  const known = new Set<string>();
  let knownBy: object | undefined;
  return async (token, _header, rules) => {
    const digest = createHash('sha256').update(token).digest('base64');
    const published = keys.published();
    if (published && published === knownBy && known.has(digest)) {
      return claimsOf(token.split('.')[1] ?? '', rules);
    }
    const { payload } = await jwtVerify(token, keys.find, { ...rules, algorithms: KEY_SET_ALGORITHMS });
    // Others may be published since, and the signature be one of those that were.
    if (!published || published !== keys.published()) return payload;
    if (published !== knownBy) known.clear();
    knownBy = published;
    known.add(digest);
    const [oldest] = known;
    if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest);
    return payload;
  };
}
