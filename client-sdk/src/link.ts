import {
  CLIENT_NAMESPACE,
  type ClientCall,
  type ClientCalls,
  type HandshakeAuth,
  type LastcallError,
  type ServerPush,
  type ServerPushes,
} from '@lastcall/shared';
import { Manager, type Socket } from 'socket.io-client';
import type { Clock } from './clock.js';
import { toError, unavailable } from './errors.js';
import { guarded, type Logger } from './logger.js';
import { isPush, readPush } from './pushes.js';

export type Transport = 'websocket' | 'polling' | 'webtransport';

export interface LinkOptions {
  readonly url: string;
  readonly path: string;
  readonly transports: readonly Transport[];
  readonly auth: HandshakeAuth;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface LinkEvents {
  push<E extends ServerPush>(event: E, payload: ServerPushes[E], acknowledge: () => void): void;
  /** The link is over, once; nothing else is heard of it. */
  over(error: LastcallError): void;
}

/**
 * One connection, from dialling to its end. It never comes back: each reconnection is a new link, so that nothing
 * meant for an old one, buffered or answered late, can reach the next.
 */
export class Link {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #events: LinkEvents;
  readonly #socket: Socket;
  readonly #failPending = new Set<(error: LastcallError) => void>();
  #over = false;
  /** When the session was asked for: its lease cannot have begun before. */
  dialledAt: number;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#events = events;
    this.dialledAt = options.clock.now();
    const manager = new Manager(options.url, {
      path: options.path,
      transports: [...options.transports],
      reconnection: false,
      autoConnect: false,
    });
    this.#socket = manager.socket(CLIENT_NAMESPACE, {
      auth: (send: (auth: object) => void) => {
        this.dialledAt = this.#clock.now();
        send(options.auth);
      },
    });
    this.#socket.on('connect_error', (error: Error & { data?: unknown }) => {
      this.#end(
        error.data === undefined
          ? unavailable(`The broker at ${options.url} cannot be reached: ${error.message}.`)
          : toError(error.data),
      );
    });
    this.#socket.on('disconnect', (reason: string) => {
      this.#end(unavailable(`The connection was lost: ${reason}.`));
    });
    this.#socket.onAny((event: unknown, ...args: unknown[]) => {
      this.#receive(event, args);
    });
    this.#socket.connect();
  }

  /**
   * Sends a command at once or not at all.
   * @param late hears an answer that comes after `timeoutMs`
   * @throws unavailable when there is no connection or no answer in time: the outcome is unknown then
   */
  call<E extends ClientCall>(
    event: E,
    payload: ClientCalls[E]['payload'],
    timeoutMs: number,
    late?: (answer: ClientCalls[E]['answer']) => void,
  ): Promise<ClientCalls[E]['answer']> {
    if (!this.#socket.connected) return Promise.reject(unavailable('There is no connection to the broker.'));
    return new Promise((resolve, reject) => {
      let open = true;
      const done = (): void => {
        open = false;
        this.#clock.clearTimeout(timer);
        this.#failPending.delete(fail);
      };
      const fail = (error: LastcallError): void => {
        reject(error);
        done();
      };
      const timer = this.#clock.setTimeout(() => {
        fail(unavailable('The broker did not answer in time.'));
      }, timeoutMs);
      this.#failPending.add(fail);
      this.#socket.emit(event, payload, (answer: unknown) => {
        const read = readAnswer(answer);
        if (!open) {
          if ('value' in read && !this.#over)
            guarded(this.#logger, 'A late answer', () => late?.(read.value));
        } else if ('error' in read) {
          fail(read.error);
        } else {
          resolve(read.value);
          done();
        }
      });
    });
  }

  /** Ends the link; nothing is heard of it any more. */
  drop(error: LastcallError): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.off();
    this.#socket.offAny();
    this.#socket.disconnect();
    this.#socket.sendBuffer.length = 0;
    for (const fail of Array.from(this.#failPending)) fail(error);
  }

  #end(error: LastcallError): void {
    if (this.#over) return;
    this.drop(error);
    this.#events.over(error);
  }

  #receive(event: unknown, args: readonly unknown[]): void {
    if (this.#over || !isPush(event)) return;
    const payload = readPush(event, args[0]);
    if (payload === undefined) {
      this.#logger.warn(`The broker sent a garbled ${event}`, args[0]);
      return;
    }
    const last = args.at(-1);
    const acknowledge = typeof last === 'function' ? (last as () => void) : () => undefined;
    guarded(this.#logger, event, () => {
      this.#events.push(event, payload, acknowledge);
    });
  }
}

function readAnswer(answer: unknown): { readonly value: object } | { readonly error: LastcallError } {
  const fields: object = typeof answer === 'object' && answer !== null ? answer : {};
  const { ok, error, ...value } = fields as { readonly ok?: unknown; readonly error?: unknown };
  return ok === true ? { value } : { error: toError(error) };
}
