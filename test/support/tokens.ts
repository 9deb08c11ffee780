import { createHmac } from 'node:crypto';
import { LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import type { VerifierOptions } from 'lastcall/internal/auth/index.js';

/** Tokens made without the broker's own library, so that a mistake there is not repeated here. */

export const SECRET = 'a shared secret of more than 32 bytes';

export const VERIFIER_OPTIONS: VerifierOptions = {
  jwtSecret: SECRET,
  jwksUrl: undefined,
  jwtIssuer: undefined,
  jwtAudience: undefined,
  tenantClaim: 'tenant',
};

export type Json = Record<string, unknown>;

export const seconds = () => Math.floor(Date.now() / 1_000);
export const encode = (value: Json) => Buffer.from(JSON.stringify(value)).toString('base64url');
export const hmac = (secret: string | Buffer) => (text: string) =>
  createHmac('sha256', secret).update(text).digest();

/** A token with these claims and headers, right or wrong, signed by anybody. */
export function forge(payload: Json, header: Json = {}, signer = hmac(SECRET)): string {
  const text = `${encode({ alg: 'HS256', typ: 'JWT', ...header })}.${encode(payload)}`;
  return `${text}.${signer(text).toString('base64url')}`;
}

/** The claims of a right token, and more. */
export function claims(more: Json = {}): Json {
  return { sub: 'ada', tenant: 'acme', iat: seconds(), exp: seconds() + 600, ...more };
}

/** The error of the contract that a promise is refused with. */
export async function refusal(promise: Promise<unknown>): Promise<LastcallError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(LastcallError);
  return error as LastcallError;
}
