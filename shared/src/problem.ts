import type { ErrorCode, ErrorExtras, LastcallError } from './errors.js';

/** The media type of errors over HTTP. */
export const PROBLEM_TYPE = 'application/problem+json';

const TITLES: Readonly<Record<ErrorCode, string>> = {
  unauthenticated: 'Not signed in',
  token_expired: 'The sign-in has expired',
  forbidden: 'Not allowed',
  invalid: 'The request is not right',
  not_found: 'Not found',
  conflict: 'In conflict with what is there',
  rate_limited: 'Too many requests',
  too_large: 'Too large',
  unavailable: 'Not available at the moment',
  session_ended: 'The session has ended',
  session_limit: 'Too many sessions',
  blocked: 'Blocked',
  maintenance: 'Under maintenance',
  superseded: 'Superseded',
  locked: 'Locked by somebody else',
  deadlock: 'Deadlock',
  lock_limit: 'Too many locks',
  queue_full: 'The queue is full',
  not_held: 'Not held',
  takeover_refused: 'The take-over was refused',
  extension_refused: 'The extension was refused',
  version_mismatch: 'Changed meanwhile',
};

/** An error over HTTP (RFC 9457): `detail` is the error's message. */
export interface Problem extends ErrorExtras {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
}

/** An error as RFC 9457 wants it. */
export function problemOf(error: LastcallError): Problem {
  const { code, message, ...extras } = error.toWire();
  return {
    type: `urn:lastcall:error:${code}`,
    title: TITLES[code],
    status: error.status,
    detail: message,
    code,
    ...extras,
  };
}
