import { type ErrorCode, LastcallError, PROBLEM_TYPE, problemOf } from '@lastcall/shared';
import type { Response } from 'express';

/** An error for which HTTP has a status of its own, besides those of the contract's registry. */
export class HttpError extends LastcallError {
  readonly #status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message);
    this.#status = status;
    this.headers = headers;
  }

  override get status(): number {
    return this.#status;
  }
}

/** What express and its body parser throw: an error with a status, and what it is about. */
interface ParserError {
  readonly status: number;
  readonly type?: string;
}

/** Whether the body parser threw this, and says that the request is wrong. */
export function isParserError(error: unknown): error is ParserError {
  return (
    error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500
  );
}

/** The contract's error for whatever was thrown; what is not the caller's mistake tells nothing of the inside. */
function contractError(error: unknown): LastcallError {
  if (error instanceof LastcallError) return error;
  if (!isParserError(error)) {
    return new HttpError(500, 'unavailable', 'Something went wrong here. Try again in a moment.');
  }
  if (error.status === 413) {
    // What is left of the body is not waited for.
    return new HttpError(413, 'too_large', 'The body is too large. Send less at once.', {
      Connection: 'close',
    });
  }
  if (error.status === 415) {
    return new HttpError(415, 'invalid', 'Send the body as JSON in UTF-8, not compressed.');
  }
  const isBody = error.type === 'entity.parse.failed';
  return new LastcallError('invalid', isBody ? 'The body is not JSON.' : 'The request cannot be read.');
}

function headersOf(error: LastcallError): Record<string, string> {
  const headers: Record<string, string> = error instanceof HttpError ? { ...error.headers } : {};
  if (error.code === 'unauthenticated') headers['WWW-Authenticate'] = 'Bearer realm="lastcall"';
  if (error.code === 'token_expired') {
    headers['WWW-Authenticate'] = 'Bearer realm="lastcall", error="invalid_token"';
  }
  const { retryAfterMs } = error.extras;
  if (retryAfterMs !== undefined)
    headers['Retry-After'] = String(Math.max(1, Math.ceil(retryAfterMs / 1_000)));
  return headers;
}

/** Answers with a problem document. What was thrown by mistake is kept for the log line of the request. */
export function sendProblem(res: Response, thrown: unknown): void {
  const error = contractError(thrown);
  if (thrown !== error && error.status >= 500)
    res.err = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (res.headersSent) {
    res.destroy();
    return;
  }
  res.status(error.status);
  res.set({ ...headersOf(error), 'Cache-Control': 'no-store', 'Content-Type': PROBLEM_TYPE });
  res.end(JSON.stringify(problemOf(error)));
}
