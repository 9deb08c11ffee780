import { CLIENT_NAMESPACE, type WireError } from '@lastcall/shared';
import type { Socket } from 'socket.io';
import { frameOf, heartbeatIn } from './frames.js';

/**
 * What reaches below Socket.IO's public interface is in this file alone, but for the count of pings in `transport.ts`.
 * Heartbeats are nine tenths of what a broker reads and writes, and `ws`, Engine.IO, Socket.IO and its parser each take
 * longer for one than Lastcall does. So a chunk that is exactly one heartbeat is taken before `ws` looks at it, and its
 * answer goes out as one frame that is made here. What many are to be told at once is made once for all of them. All else,
 * and all of it when the parts are not those that are known, goes the ordinary way.
 */

/** What may wait for a client before Engine.IO has to count it, in bytes; and the state of a socket that is open. */
const UNREAD = 16_384;
const OPEN = 1;

/** Of `ws`, private: what cuts a connection's bytes into messages, and what sends frames that were made before. */
const RECEIVER = '_receiver';
const SENDER = '_sender';
/** Of the receiver: where it is in a frame, the bytes it keeps of one, the fragments it keeps of a message. */
const STATE = '_state';
const BYTES = '_bufferedBytes';
const FRAGMENTS = '_fragmented';

type Write = (chunk: Buffer, ...more: readonly unknown[]) => boolean;

/** Between two messages it is at the beginning of a frame, and has neither bytes nor fragments left. */
interface Receiver {
  readonly [STATE]: number;
  readonly [BYTES]: number;
  readonly [FRAGMENTS]: number;
  write: Write;
}

/** The parts of an Engine.IO connection that are used. */
interface Connection {
  readonly protocol: number;
  readonly readyState: string;
  readonly writeBuffer: readonly unknown[];
  /** While it runs a pong is awaited, and whatever arrives puts off its end. */
  readonly pingTimeoutTimer: unknown;
  readonly transport: {
    readonly name: string;
    readonly writable: boolean;
    readonly perMessageDeflate?: unknown;
    readonly socket: {
      readonly bufferedAmount: number;
      readonly readyState: number;
      readonly [RECEIVER]: Receiver;
      readonly [SENDER]: { sendFrame(frame: readonly Buffer[]): void };
    };
  };
  send(data: string): unknown;
}

const START_OF_FRAME = 0;

/** A socket's connection, if the parts that send are those that are known. */
function sendingConnection({ conn }: Socket): Connection | undefined {
  const connection = conn as unknown as Connection;
  const { protocol, transport, writeBuffer } = connection;
  const isKnown =
    protocol === 4 &&
    transport.name === 'websocket' &&
    !transport.perMessageDeflate &&
    Array.isArray(writeBuffer) &&
    typeof connection.send === 'function' &&
    typeof transport.socket?.[SENDER]?.sendFrame === 'function';
  return isKnown ? connection : undefined;
}

/** … and those that receive, too. */
function knownConnection(socket: Socket): Connection | undefined {
  const connection = sendingConnection(socket);
  const receiver = connection?.transport.socket[RECEIVER];
  const isKnown =
    connection?.pingTimeoutTimer !== undefined &&
    typeof receiver?.write === 'function' &&
    !Object.hasOwn(receiver, 'write') &&
    [receiver[STATE], receiver[BYTES], receiver[FRAGMENTS]].every(Number.isInteger);
  return isKnown ? connection : undefined;
}

/** Nothing came before that is not a whole message yet. */
function isBetween(receiver: Receiver): boolean {
  return receiver[STATE] === START_OF_FRAME && receiver[BYTES] === 0 && receiver[FRAGMENTS] === 0;
}

/** A packet of Socket.IO, as text and as the one frame that Engine.IO, which marks it with a 4, would make of it. */
interface Packet {
  readonly text: string;
  readonly frame: Buffer | undefined;
}

const packetOf = (text: string): Packet => ({ text, frame: frameOf(`4${text}`) });

/** Sends a packet as one frame; behind others that wait, or to whom reads slowly, Engine.IO sends it in its turn. */
function send(connection: Connection, { text, frame }: Packet): void {
  const { transport } = connection;
  const isFree =
    connection.readyState === 'open' && transport.writable && connection.writeBuffer.length === 0;
  const isReading = transport.socket.readyState === OPEN && transport.socket.bufferedAmount < UNREAD;
  if (frame && isFree && isReading) transport.socket[SENDER].sendFrame([frame]);
  else connection.send(text);
}

/** How a heartbeat that was taken is answered. */
export interface HeartbeatAnswer {
  renewed(leaseMs: number): void;
  refused(error: WireError): void;
}

/** Takes a heartbeat that says nothing but its idle time; `false`: it is to go the ordinary way. */
export type TakeHeartbeat = (idleMs: number, answer: HeartbeatAnswer) => boolean;

/**
 * Takes the heartbeats of a socket before `ws` does.
 * @returns whether it does; if not, they come as any other event
 */
export function takeHeartbeats(socket: Socket, take: TakeHeartbeat): boolean {
  const connection = knownConnection(socket);
  if (!connection) return false;
  const receiver = connection.transport.socket[RECEIVER];
  const write = receiver.write.bind(receiver);
  const isTaken = (chunk: Buffer): boolean => {
    // Engine.IO is to hear of whatever proves that a client lives which it has its doubts about.
    if (connection.pingTimeoutTimer !== null || !isBetween(receiver)) return false;
    const heartbeat = heartbeatIn(chunk);
    if (!heartbeat) return false;
    const say = (answer: string): void =>
      send(connection, packetOf(`3${CLIENT_NAMESPACE},${heartbeat.number}[${answer}]`));
    return take(heartbeat.idleMs, {
      // The text of an answer as everywhere; nearly all are this one.
      renewed: (leaseMs) => say(`{"ok":true,"leaseMs":${leaseMs}}`),
      refused: (error) => say(JSON.stringify({ ok: false, error })),
    });
  };
  receiver.write = (chunk, ...more) => isTaken(chunk) || write(chunk, ...more);
  return true;
}

/** Of Socket.IO, private: the next packet's number, in a namespace; what is called when one is acknowledged, in a socket. */
const NUMBERS = '_ids';
const ACKNOWLEDGEMENTS = 'acks';
/** A packet with an event, in the protocol of Socket.IO. */
const EVENT = 2;

/** The parts of a socket that are used. */
interface Asking {
  readonly connected: boolean;
  readonly nsp: { readonly name: string; [NUMBERS]: number };
  readonly client: { readonly encoder?: { encode?(packet: object): readonly unknown[] } };
  readonly [ACKNOWLEDGEMENTS]: Map<number, () => void>;
}

/** An event for all sockets of a namespace, under the next number there; by other parsers than the usual one it is no text. */
function commonPacket(socket: Asking, data: readonly unknown[]): (Packet & { number: number }) | undefined {
  const { nsp, client, [ACKNOWLEDGEMENTS]: acknowledgements } = socket;
  if (!Number.isInteger(nsp[NUMBERS]) || !(acknowledgements instanceof Map)) return undefined;
  const number = nsp[NUMBERS]++;
  const [text, more] = client.encoder?.encode?.({ type: EVENT, nsp: nsp.name, id: number, data }) ?? [];
  return typeof text === 'string' && more === undefined ? { ...packetOf(text), number } : undefined;
}

/**
 * Sends an event with one argument to clients of one namespace, who are to acknowledge it: encoded once, under one number,
 * with one timer. To whom it cannot be sent so, or where somebody listens to what is sent, it goes the ordinary way.
 * @param acknowledged called for each who does within `withinMs`
 * @returns how many got the common packet
 */
export function askAll<T extends { readonly socket: Socket }>(
  all: readonly T[],
  [event, argument]: readonly [event: string, argument: unknown],
  withinMs: number,
  acknowledged: (one: T) => void,
): number {
  const asked: Map<number, () => void>[] = [];
  const [first] = all;
  const packet = first && commonPacket(first.socket as unknown as Asking, [event, argument]);
  for (const one of all) {
    const isPlain = one.socket.connected && one.socket.listenersAnyOutgoing().length === 0;
    const connection = isPlain ? sendingConnection(one.socket) : undefined;
    if (packet && connection) {
      const { [ACKNOWLEDGEMENTS]: acknowledgements } = one.socket as unknown as Asking;
      acknowledgements.set(packet.number, () => acknowledged(one));
      asked.push(acknowledgements);
      send(connection, packet);
    } else {
      const told = one.socket.timeout(withinMs).emitWithAck(event, argument);
      told.then(() => acknowledged(one)).catch(() => undefined);
    }
  }
  if (packet && asked.length > 0) {
    const forget = (): void => {
      for (const acknowledgements of asked) acknowledgements.delete(packet.number);
    };
    setTimeout(forget, withinMs).unref();
  }
  return asked.length;
}

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
  readonly connection: { readonly encrypted?: boolean };
}

interface Begun {
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
 * Lets go of what a socket's connection began with, once it is let in: the request with all its headers, the token, an
 * answer that was never sent. Engine.IO, Socket.IO and `ws` keep them for as long as it lasts, a ninth of what a session
 * takes of the heap, and nobody reads them any more.
 * @returns whether all of it was found where it is known to be; what was not stays
 */
export function forgetHandshake(socket: Socket): boolean {
  const connection = socket.conn as unknown as Begun;
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
