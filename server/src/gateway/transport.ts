import type { Server } from 'socket.io';
import type { Config } from '../config.js';

/** In which the packets of a transport are counted. */
const WINDOW_MS = 10_000;
/** Packets besides messages and heartbeats in a window: pongs, acknowledgements, handshakes, pings of the WebSocket. */
const OTHER_PACKETS = 1_000;
/** What may wait for a client that does not read, in characters. */
const MAX_BACKLOG = 4 << 20;

/** What waits for each client of a guarded server, in characters. */
const BACKLOGS = new WeakMap<object, number>();

/** What waits for the client of this transport to read, in characters; 0 if nobody counts. */
export function backlogOf(transport: object): number {
  return BACKLOGS.get(transport) ?? 0;
}

/** The part of an Engine.IO connection that is used here. */
interface Transport {
  on(event: 'packet' | 'flush', listener: () => void): unknown;
  on(event: 'packetCreate', listener: (packet: { readonly data?: unknown }) => void): unknown;
  close(discard: boolean): unknown;
  /** Of `ws`, which answers pings by itself: neither Engine.IO nor Socket.IO ever hears of them. */
  readonly transport: { readonly socket?: { on(event: 'ping' | 'pong', listener: () => void): unknown } };
}

/** The settings that the limits of a transport follow from. */
export type TransportSettings = Pick<Config, 'messagesPerSecond' | 'messageBurst' | 'heartbeatBurst'>;

function sizeOf(data: unknown): number {
  return typeof data === 'string' || Buffer.isBuffer(data) ? data.length : 0;
}

/**
 * Cuts off a transport that sends more than any client of ours would, whatever the packets and control frames are, and
 * one that takes no more while it goes on asking: both before anybody had to be known.
 */
function limit(transport: Transport, packetsPerWindow: number): void {
  let packets = 0;
  let windowEndsAt = 0;
  const count = (): void => {
    const now = performance.now();
    if (now > windowEndsAt) {
      windowEndsAt = now + WINDOW_MS;
      packets = 0;
    }
    packets += 1;
    if (packets > packetsPerWindow) transport.close(true);
  };
  transport.on('packet', count);
  // The answers to pings wait in memory for whoever does not read them.
  transport.transport.socket?.on('ping', count);
  transport.transport.socket?.on('pong', count);
  transport.on('packetCreate', ({ data }) => {
    const backlog = backlogOf(transport) + sizeOf(data);
    BACKLOGS.set(transport, backlog);
    if (backlog > MAX_BACKLOG) transport.close(true);
  });
  transport.on('flush', () => void BACKLOGS.set(transport, 0));
}

/** Guards a Socket.IO server that is Lastcall's own: limits for each transport, and nothing to be had without a token. */
export function guardTransports(io: Server, settings: TransportSettings): void {
  const messages = settings.messagesPerSecond * (WINDOW_MS / 1_000) + settings.messageBurst;
  const packetsPerWindow = messages + settings.heartbeatBurst + OTHER_PACKETS;
  io.engine.on('connection', (transport: Transport) => limit(transport, packetsPerWindow));
  // Socket.IO lets everybody into the main namespace, and keeps the connection open for it.
  io.use((_socket, next) => next(new Error('There is nothing here. Connect to /lastcall.')));
}
