import { LastcallError, type WireError } from '@lastcall/shared';

export function unavailable(message: string): LastcallError {
  return new LastcallError('unavailable', message);
}

/** Whatever was refused or thrown, as an error of the contract. */
export function toError(value: unknown): LastcallError {
  if (value instanceof LastcallError) return value;
  const { code, message } = (typeof value === 'object' && value !== null ? value : {}) as Partial<WireError>;
  const text = typeof message === 'string' ? message : 'The broker answered with something unreadable.';
  return typeof code === 'string' ? LastcallError.fromWire({ ...(value as WireError), message: text }) : unavailable(text);
}

/** Whether the request may have been carried out all the same, or may be on another attempt. */
export function mayRepeat(error: unknown): error is LastcallError {
  return error instanceof LastcallError && (error.code === 'unavailable' || error.code === 'rate_limited');
}
