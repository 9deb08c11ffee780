import type { LockHolder, LockWait } from './lock.js';
import type { Ending } from './session.js';

/** One row per error code: its HTTP status, and whether the same request may succeed later. */
export const ERRORS = {
  unauthenticated: { status: 401, retryable: false },
  token_expired: { status: 401, retryable: false },
  forbidden: { status: 403, retryable: false },
  invalid: { status: 400, retryable: false },
  not_found: { status: 404, retryable: false },
  conflict: { status: 409, retryable: false },
  rate_limited: { status: 429, retryable: true },
  too_large: { status: 413, retryable: false },
  unavailable: { status: 503, retryable: true },
  session_ended: { status: 409, retryable: false },
  session_limit: { status: 409, retryable: true },
  blocked: { status: 403, retryable: false },
  maintenance: { status: 503, retryable: true },
  superseded: { status: 409, retryable: false },
  locked: { status: 423, retryable: true },
  deadlock: { status: 409, retryable: true },
  lock_limit: { status: 409, retryable: true },
  queue_full: { status: 409, retryable: true },
  not_held: { status: 409, retryable: false },
  takeover_refused: { status: 409, retryable: true },
  extension_refused: { status: 409, retryable: false },
  version_mismatch: { status: 412, retryable: true },
} as const satisfies Record<string, { status: number; retryable: boolean }>;

export type ErrorCode = keyof typeof ERRORS;

/** Where in a payload something is wrong, and what. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/** An error as it goes over the wire (PROTOCOL section 7). `message` is for a person and says what to do. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  /** Do not come back by yourself. */
  readonly terminal?: boolean;
  readonly retryAfterMs?: number;
  readonly issues?: readonly Issue[];
  readonly ended?: Ending;
  readonly untilAt?: number;
  readonly blockers?: readonly LockHolder[];
  readonly cycle?: readonly LockWait[];
  /** What became of a lock request that is repeated after its end. */
  readonly outcome?: string;
}

export type ErrorExtras = Omit<WireError, 'code' | 'message'>;

/** An error of the contract: callers switch on `code`. */
export class LastcallError extends Error {
  override readonly name = 'LastcallError';
  readonly code: ErrorCode;
  readonly extras: ErrorExtras;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message);
    this.code = code;
    this.extras = extras;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  get terminal(): boolean {
    return this.extras.terminal === true;
  }

  /** The error as it goes over the wire. */
  toWire(): WireError {
    return { code: this.code, message: this.message, ...this.extras };
  }

  /** The error a peer sent. Unknown codes, of a newer broker, become `unavailable`, which is safe to retry. */
  static fromWire(wire: WireError): LastcallError {
    const { code, message, ...extras } = wire;
    return new LastcallError(Object.hasOwn(ERRORS, code) ? code : 'unavailable', message, extras);
  }
}
