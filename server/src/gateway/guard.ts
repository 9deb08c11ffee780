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

/** Logs what failed here; mistakes of callers are theirs. */
export function noteFault(log: Logger, event: string, error: unknown): void {
  if (isFault(error)) log.error({ err: error, event }, 'a handler failed');
}

type Acknowledge = (answer: Answer<object>) => void;

/** A message with a payload, whose sender may have asked for an answer. */
export class Message {
  readonly payload: unknown;
  readonly #log: Logger;
  readonly #event: string;
  readonly #acknowledge: Acknowledge | undefined;

  /** @param args what arrived: a payload or none, then a callback or none */
  constructor(log: Logger, event: string, args: readonly unknown[]) {
    const last = args.at(-1);
    const isAsked = typeof last === 'function';
    this.#log = log;
    this.#event = event;
    this.#acknowledge = isAsked ? (last as Acknowledge) : undefined;
    // The first is the callback itself when nothing else was sent.
    this.payload = typeof args[0] === 'function' ? undefined : args[0];
  }

  answer(value: object): void {
    this.#send({ ok: true, ...value });
  }

  /** Answers with the code of what was thrown. */
  refuse(error: unknown): void {
    noteFault(this.#log, this.#event, error);
    this.#send({ ok: false, error: toWire(error) });
  }

  #send(value: Answer<object>): void {
    try {
      this.#acknowledge?.(value);
    } catch (error) {
      this.#log.warn({ err: error, event: this.#event }, 'an answer could not be sent');
    }
  }
}
