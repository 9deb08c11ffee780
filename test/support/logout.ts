import { randomUUID } from 'node:crypto';
import { forge, type Json, seconds } from './tokens.js';

export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
export const ISSUER = 'https://login.example.com/';
export const AUDIENCE = 'lastcall';

/** The claims of a right logout token, and more. */
export function logoutClaims(more: Json = {}): Json {
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    iat: seconds(),
    exp: seconds() + 120,
    jti: randomUUID(),
    sub: 'ada',
    events: { [LOGOUT_EVENT]: {} },
    ...more,
  };
}

/** A logout token as an identity provider makes it, right or wrong; `undefined` leaves a claim out. */
export function logoutToken(more: Json = {}, header: Json = { typ: 'logout+jwt' }): string {
  return forge(logoutClaims(more), header);
}
