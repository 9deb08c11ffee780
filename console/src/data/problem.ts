import type { ErrorCode } from '@lastcall/shared';

/** What a call was refused with: the broker's code and sentence. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly issues: readonly { readonly path: string; readonly message: string }[];

  constructor(code: ErrorCode, message: string, status: number, issues: ApiError['issues'] = []) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.issues = issues;
  }
}

/** The sentence of whatever was thrown; what the browser itself throws is none. */
export function messageOf(error: unknown): string {
  if (error instanceof ApiError) {
    const [first] = error.issues;
    return first === undefined ? error.message : `${error.message} (${first.path}: ${first.message})`;
  }
  return error instanceof TypeError || !(error instanceof Error) ? '' : error.message;
}
