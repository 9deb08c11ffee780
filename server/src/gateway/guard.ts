import { type Answer, LastcallError, type WireError } from '@lastcall/shared';
import type { Logger } from '../log.js';

/** The error as a client may see it: nothing of the inside of the broker. */
export function toWire(error: unknown): WireError {
  if (error instanceof LastcallError) return error.toWire();
  return { code: 'unavailable', message: 'Something went wrong here. Try again in a moment.' };
}

/** Whether an error is ours to look at, rather than the caller's mistake. */
export function isFault(error: unknown): boolean {
  return !(error instanceof LastcallError);
}

type Acknowledge = (answer: Answer<object>) => void;

/**
 * The one wrapper around every handler of a message: whatever arrives and whatever is thrown, the sender gets an
 * answer with a code if it asked for one, and the process lives.
 */
export function guarded(
  log: Logger,
  event: string,
  handler: (payload: unknown) => Promise<object>,
): (...args: unknown[]) => void {
  return (...args) => {
    const last = args.at(-1);
    const acknowledge = typeof last === 'function' ? (last as Acknowledge) : undefined;
    const payload = acknowledge ? args[0] : args.length > 0 ? args[0] : undefined;
    const answer = (value: Answer<object>): void => {
      try {
        acknowledge?.(value);
      } catch (error) {
        log.warn({ err: error, event }, 'an answer could not be sent');
      }
    };
    // `last` is the callback itself when nothing else was sent.
    handler(typeof payload === 'function' ? undefined : payload)
      .then((value) => answer({ ok: true, ...value }))
      .catch((error: unknown) => {
        if (isFault(error)) log.error({ err: error, event }, 'a handler failed');
        answer({ ok: false, error: toWire(error) });
      });
  };
}
