import { MAX_USER_ID_LENGTH, TENANT_PATTERN } from '@lastcall/shared';
import type { JWTPayload } from 'jose';
import { lineClaim, refuse, signInOf } from './claims.js';

/** The event that makes a token a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4). */
export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** How old a logout token may be, in seconds: those who send one send it at once. */
export const LOGOUT_MAX_AGE_S = 300;

/** Kinds a logout token may be of; older providers call every token a JWT. */
export const LOGOUT_TYPES: ReadonlySet<string> = new Set(['logout+jwt', 'application/logout+jwt', 'jwt']);

const MAX_TOKEN_ID_LENGTH = 512;

/** What a logout token says: this person signed out, there. */
export interface Logout {
  readonly issuer: string;
  /** The token's own id. */
  readonly tokenId: string;
  readonly user: string;
  /** Only this sign-in of the person; else all of them. */
  readonly signIn?: string;
  /** Only in this tenant, if the token names one. */
  readonly tenant?: string;
}

/** Whether a token tells of events, as one for signing in never does. */
export function tellsEvents(payload: JWTPayload): boolean {
  return Object.hasOwn(payload, 'events');
}

function isLogout(events: unknown): boolean {
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, LOGOUT_EVENT)) return false;
  const event = (events as Readonly<Record<string, unknown>>)[LOGOUT_EVENT];
  return typeof event === 'object' && event !== null && !Array.isArray(event);
}

/**
 * What a logout token says whose signature, issuer, audience and times were found right.
 *
 * @throws {LastcallError} `unauthenticated`
 */
export function logoutOf(payload: JWTPayload, tenantClaim: string): Logout {
  if (!isLogout(payload['events'])) throw refuse('The token tells of no back-channel logout.');
  // What has a nonce was made for signing in, whatever else it says.
  if (Object.hasOwn(payload, 'nonce')) throw refuse('A logout token must not have the claim "nonce".');
  if (payload.sub === undefined)
    throw refuse('The logout token must name the person: sessions are known by "sub".');
  const signIn = signInOf(payload['sid']);
  if (signIn === undefined && payload['sid'] !== undefined)
    throw refuse('The claim "sid" is not the id of a sign-in.');
  const tenant = Object.hasOwn(payload, tenantClaim) ? payload[tenantClaim] : undefined;
  if (tenant !== undefined && !(typeof tenant === 'string' && TENANT_PATTERN.test(tenant))) {
    throw refuse(`The token's claim "${tenantClaim}" must name a tenant.`);
  }
  return {
    issuer: lineClaim('iss', payload.iss, MAX_TOKEN_ID_LENGTH),
    tokenId: lineClaim('jti', payload.jti, MAX_TOKEN_ID_LENGTH),
    user: lineClaim('sub', payload.sub, MAX_USER_ID_LENGTH),
    ...(signIn === undefined ? {} : { signIn }),
    ...(tenant === undefined ? {} : { tenant }),
  };
}
