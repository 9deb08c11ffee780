import { type Identity, LastcallError } from '@lastcall/shared';
import type { Request } from 'express';
import type { Verifier } from '../auth/index.js';
import type { Limits } from '../limits.js';

/** Names under which other servers take tokens from an address. */
const TOKEN_NAMES = ['token', 'access_token', 'id_token', 'jwt', 'auth', 'authorization', 'bearer'] as const;

const BEARER = /^Bearer +(\S+) *$/i;

function tokenOf(req: Request, query: URLSearchParams): string {
  if (TOKEN_NAMES.some((name) => query.has(name))) {
    throw new LastcallError(
      'unauthenticated',
      'A token in an address ends up in logs and histories: send it as "Authorization: Bearer …", and replace this one.',
    );
  }
  const found = BEARER.exec(req.headers.authorization ?? '');
  if (found?.[1] === undefined) {
    throw new LastcallError('unauthenticated', 'Sign in: send a token as "Authorization: Bearer …".');
  }
  return found[1];
}

/**
 * Who asks, by the token of the `Authorization` header and nothing else. Tokens that are not good count against the
 * address they come from; those that have merely expired do not.
 *
 * @throws {LastcallError} `unauthenticated`, `token_expired`, `rate_limited`, `unavailable`
 */
export async function authenticate(
  req: Request,
  query: URLSearchParams,
  { verifier, limits }: { readonly verifier: Verifier; readonly limits: Limits },
): Promise<Identity> {
  const token = tokenOf(req, query);
  try {
    return await verifier.verify(token);
  } catch (error) {
    if (error instanceof LastcallError && error.code === 'unauthenticated')
      await limits.handshakeFailed(req.ip ?? '');
    throw error;
  }
}
