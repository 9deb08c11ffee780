import { LastcallError, type WireError } from '@lastcall/shared';

export function unavailable(message: string): LastcallError {
  return new LastcallError('unavailable', message);
}

/** Whatever was refused or thrown, as an error of the contract; what is garbled in it is left out. */
export function toError(value: unknown): LastcallError {
  if (value instanceof LastcallError) return value;
  const wire = (typeof value === 'object' && value !== null ? value : {}) as Partial<WireError>;
  const { code, message, retryAfterMs, ...extras } = wire;
  if (typeof code !== 'string' || typeof message !== 'string') {
    return unavailable('The broker answered with something unreadable.');
  }
  const told = retryAfterMs !== undefined && Number.isFinite(retryAfterMs) && retryAfterMs >= 0;
  return LastcallError.fromWire({ ...extras, code, message, ...(told && { retryAfterMs }) });
}

/** Whether the request may have been carried out all the same, or may be on another attempt. */
export function mayRepeat(error: unknown): error is LastcallError {
  return error instanceof LastcallError && (error.code === 'unavailable' || error.code === 'rate_limited');
}
