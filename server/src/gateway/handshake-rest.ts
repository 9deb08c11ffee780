import type { Socket } from 'socket.io';

/**
 * What a connection began with is kept by Engine.IO, Socket.IO and `ws` for as long as it lasts: the request with all its
 * headers, the token, an answer that was never sent. That is a fifth of what a session takes of the heap, and nobody reads
 * it once the client is let in. This and `fast-path.ts` reach below Socket.IO's public interface.
 */

/** The headers that a second channel over the same connection is let in by. */
const KEPT_HEADERS = ['origin', 'host', 'x-forwarded-for'] as const;

/** How Engine.IO's stand-in for the answer to an upgrade listens to the connection's end. */
const ANSWER_IS_OVER = /^\(\) => this\.emit\(["']close["']\)$/;

/** Of `ws`, private: the connection's TCP socket. */
const STREAM = '_socket';

type Listener = (...args: unknown[]) => void;

interface Emitter {
  rawListeners(event: string): readonly (Listener & { readonly listener?: Listener })[];
  removeListener(event: string, listener: Listener): unknown;
}

interface Request {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly url?: string;
  readonly _query?: object;
  readonly connection: { readonly encrypted?: boolean };
}

interface Connection {
  request: Request;
  readonly transport: { readonly socket?: Partial<Emitter> & { readonly [STREAM]?: Partial<Emitter> } };
}

const isEmitter = (value: Partial<Emitter> | undefined): value is Emitter =>
  typeof value?.rawListeners === 'function' && typeof value.removeListener === 'function';

/** Takes the only listener that is meant off an emitter; of several, or none, none is known to be it. */
function takeOff(emitter: Emitter, event: string, isMeant: (listener: Listener) => boolean): boolean {
  const [found, another] = emitter
    .rawListeners(event)
    .filter((listener) => isMeant(listener.listener ?? listener));
  if (!found || another) return false;
  emitter.removeListener(event, found.listener ?? found);
  return true;
}

/** Of the request, what Socket.IO reads of it when a second channel is opened. */
function keptOf({ headers, connection }: Request): Request {
  const kept = KEPT_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]]));
  return {
    headers: Object.fromEntries(kept) as Request['headers'],
    connection: { encrypted: connection.encrypted === true },
  };
}

/**
 * Lets go of what a socket's connection began with, once it is let in.
 * @returns whether all of it was found where it is known to be; what was not stays
 */
export function forgetHandshake(socket: Socket): boolean {
  const connection = socket.conn as unknown as Connection;
  const { request, transport } = connection;
  const webSocket = transport.socket;
  const stream = webSocket?.[STREAM];
  if (!isEmitter(webSocket) || !isEmitter(stream) || typeof request?.headers !== 'object') return false;
  connection.request = keptOf(request);
  // The token was checked, and where the client comes from was noted.
  Object.assign(socket, {
    handshake: { ...socket.handshake, headers: connection.request.headers, auth: {}, query: {}, url: '' },
  });
  const isAnswerGone = takeOff(stream, 'close', (listener) => ANSWER_IS_OVER.test(String(listener)));
  return takeOff(webSocket, 'error', ({ name }) => name === 'onUpgradeError') && isAnswerGone;
}
