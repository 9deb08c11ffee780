import { LastcallError } from '@lastcall/shared';
import { isLine } from '../schema/values.js';

/** Longest id of a sign-in at the identity provider (the claim `sid`), in characters. */
const MAX_SIGN_IN_LENGTH = 256;

export function refuse(message: string): LastcallError {
  return new LastcallError('unauthenticated', message);
}

/** A claim that is text of one line, 1 to `max` characters. */
export function lineClaim(name: string, value: unknown, max: number): string {
  if (typeof value !== 'string' || value === '' || value.length > max || !isLine(value)) {
    throw refuse(`The token's claim "${name}" must be 1 to ${max} characters on one line.`);
  }
  return value;
}

/** The sign-in at the identity provider; what cannot be one is none, and keeps nobody out. */
export function signInOf(sid: unknown): string | undefined {
  const isOne = typeof sid === 'string' && sid !== '' && sid.length <= MAX_SIGN_IN_LENGTH && isLine(sid);
  return isOne ? sid : undefined;
}
