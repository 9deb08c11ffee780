import { type Identity, LastcallError, MAX_USER_ID_LENGTH, TENANT_PATTERN } from '@lastcall/shared';
import { decodeProtectedHeader, errors, type JWTPayload, type ProtectedHeaderParameters } from 'jose';
import type { Config } from '../config.js';
import { MAX_NAME_LENGTH, MAX_ROLE_LENGTH, MAX_ROLES, MAX_TOKEN_LENGTH } from '../schema/values.js';
import { lineClaim, refuse, signInOf } from './claims.js';
import { remoteKeys } from './keys.js';
import { LOGOUT_MAX_AGE_S, LOGOUT_TYPES, type Logout, logoutOf, tellsEvents } from './logout.js';
import { byKeys, bySecret, type Check, type Rules, UNVERIFIED } from './signatures.js';

/** What a verifier needs to know; a `Config` has it all. */
export interface VerifierOptions
  extends Pick<Config, 'jwtSecret' | 'jwksUrl' | 'jwtIssuer' | 'jwtAudience' | 'tenantClaim'> {
  /** How long a key that is not known is not looked for again, in milliseconds. */
  readonly jwksCooldownMs?: number;
}

export interface Verifier {
  /**
   * The identity a token proves.
   *
   * @throws {LastcallError} `unauthenticated`, `token_expired`, or `unavailable` when the keys cannot be fetched.
   */
  verify(token: string): Promise<Identity>;
  /**
   * What a logout token of the identity provider says (OpenID Connect Back-Channel Logout 1.0).
   *
   * @throws {LastcallError} `unauthenticated`, `token_expired`, or `unavailable` when the keys cannot be fetched.
   */
  verifyLogout(token: string): Promise<Logout>;
}

/** Headers that bring a key of the token's own; one that has any is refused, not just not believed. */
const FOREIGN_KEYS = ['jku', 'jwk', 'x5u', 'x5c'] as const;

/** Kinds of token that are made for signing in; others, such as logout tokens, are signed by the same issuer. */
const TOKEN_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/at+jwt']);

const CLOCK_TOLERANCE_S = 5;

/** The header of a token that is of one of these kinds. */
function headerOf(token: string, types: ReadonlySet<string>): ProtectedHeaderParameters {
  if (token.length > MAX_TOKEN_LENGTH)
    throw refuse(`The token is longer than ${MAX_TOKEN_LENGTH} characters.`);
  let header: ProtectedHeaderParameters;
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw refuse('The token is not a JWT. Sign in again.');
  }
  checkHeader(header, types);
  return header;
}

function checkHeader(header: ProtectedHeaderParameters, types: ReadonlySet<string>): void {
  for (const name of FOREIGN_KEYS) {
    if (Object.hasOwn(header, name))
      throw refuse(`A token that brings its own key (${name}) is not accepted.`);
  }
  const type: unknown = header.typ;
  if (type !== undefined && !(typeof type === 'string' && types.has(type.toLowerCase()))) {
    throw refuse('The token is not made for this.');
  }
}

function rolesOf(claim: unknown): string[] {
  if (claim === undefined || claim === null) return ['user'];
  if (!Array.isArray(claim) || claim.length > MAX_ROLES) {
    throw refuse(`The token's claim "roles" must be a list of at most ${MAX_ROLES} roles.`);
  }
  const roles = new Set(claim.map((role) => lineClaim('roles', role, MAX_ROLE_LENGTH)));
  return roles.size === 0 ? ['user'] : [...roles];
}

/** A claim in seconds as epoch milliseconds. */
function instantOf(name: string, seconds: unknown): number {
  const at = typeof seconds === 'number' ? Math.floor(seconds * 1_000) : Number.NaN;
  if (!Number.isSafeInteger(at) || at < 0) throw refuse(`The token's claim "${name}" is not a time.`);
  return at;
}

function identityOf(payload: JWTPayload, tenantClaim: string): Identity {
  if (tellsEvents(payload)) throw refuse('The token is not made for signing in.');
  const id = lineClaim('sub', payload.sub, MAX_USER_ID_LENGTH);
  const tenant = Object.hasOwn(payload, tenantClaim) ? payload[tenantClaim] : undefined;
  if (typeof tenant !== 'string' || !TENANT_PATTERN.test(tenant)) {
    throw refuse(`The token's claim "${tenantClaim}" must name a tenant.`);
  }
  const name = payload['name'] ?? id;
  const signIn = signInOf(payload['sid']);
  return {
    tenant,
    user: { id, name: lineClaim('name', name, MAX_NAME_LENGTH), roles: rolesOf(payload['roles']) },
    ...(signIn === undefined ? {} : { signIn }),
    // Without `iat` a token counts as the oldest there is, so that a block of older tokens catches it.
    issuedAt: payload.iat === undefined ? 0 : instantOf('iat', payload.iat),
    expiresAt: instantOf('exp', payload.exp),
  };
}

function translate(error: unknown): LastcallError {
  if (error instanceof LastcallError) return error;
  if (error instanceof errors.JWTExpired) {
    return new LastcallError('token_expired', 'The sign-in has expired. Sign in again.');
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const problem = error.reason === 'missing' ? 'is missing' : 'is not accepted here';
    return refuse(`The token's claim "${error.claim}" ${problem}. Sign in again.`);
  }
  return Object.assign(refuse(UNVERIFIED), { cause: error });
}

function checkOf(options: VerifierOptions): Check {
  if (options.jwksUrl !== undefined) return byKeys(remoteKeys(options.jwksUrl, options.jwksCooldownMs));
  if (options.jwtSecret === undefined)
    throw new TypeError('A verifier needs a JWT secret or the address of its keys.');
  return bySecret(options.jwtSecret);
}

/**
 * A verifier of tokens, by a shared secret or by the keys that an address publishes.
 *
 * @throws {RangeError} for a secret shorter than 32 bytes.
 * @example const { user, tenant } = await createVerifier(config).verify(token);
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const check = checkOf(options);
  const rules: Rules = {
    clockTolerance: CLOCK_TOLERANCE_S,
    ...(options.jwtIssuer === undefined ? {} : { issuer: options.jwtIssuer }),
    ...(options.jwtAudience === undefined ? {} : { audience: options.jwtAudience }),
  };
  const forSignIn = { ...rules, requiredClaims: ['exp', 'sub'] };
  // Not all providers let logout tokens expire; their age is limited in any case.
  const forLogout = {
    ...rules,
    requiredClaims: ['iss', 'aud', 'iat', 'jti', 'events'],
    maxTokenAge: LOGOUT_MAX_AGE_S,
  };
  return {
    async verify(token) {
      try {
        const payload = await check(token, headerOf(token, TOKEN_TYPES), forSignIn);
        return identityOf(payload, options.tenantClaim);
      } catch (error) {
        throw translate(error);
      }
    },
    async verifyLogout(token) {
      try {
        const payload = await check(token, headerOf(token, LOGOUT_TYPES), forLogout);
        return logoutOf(payload, options.tenantClaim);
      } catch (error) {
        throw translate(error);
      }
    },
  };
}
