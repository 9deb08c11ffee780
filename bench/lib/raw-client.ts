import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { CLOSE, FrameReader, TEXT, textFrame } from './frames.js';

/** Called with a Socket.IO packet, from its type on, as a range of bytes that are only good until the call returns. */
export type PacketListener = (bytes: Buffer, from: number, to: number) => void;

export interface RawClientOptions {
  readonly port: number;
  /** Such as `/lastcall`. */
  readonly namespace: string;
  /** What the namespace's middleware sees as `handshake.auth`. */
  readonly auth: object;
  /** Gets packets from the first one on, which may come with the acceptance. */
  readonly onPacket?: PacketListener;
}

const OPEN_LIMIT_MS = 15_000;
const MAX_HEAD_BYTES = 16_384;
const PONG = textFrame('3');
const [ENGINE_OPEN, ENGINE_CLOSE, ENGINE_PING, ENGINE_MESSAGE] = [0x30, 0x31, 0x32, 0x34];
const [SOCKET_CONNECT, SOCKET_REFUSED] = [0x30, 0x34];
/** Read into by every connection of the process, one after the other. */
const READ_BUFFER = Buffer.allocUnsafe(262_144);

/**
 * A Socket.IO client made of a TCP socket and as little else as possible, so that it costs a fraction of what the
 * server under test does. It answers pings; everything else is up to whoever listens to its packets.
 */
export class RawClient {
  /** Gets every packet after the connection to the namespace was accepted. */
  onPacket: PacketListener = () => {};
  /** Called once when the server or the network ends the connection, not after `close`. */
  onClose: () => void = () => {};
  readonly #socket: Socket;
  readonly #options: RawClientOptions;
  readonly #reader = new FrameReader();
  #head = '';
  #upgraded = false;
  #opened = false;
  #closed = false;
  #settle: (error?: Error) => void = () => {};

  private constructor(options: RawClientOptions) {
    this.#options = options;
    const { port } = options;
    if (options.onPacket) this.onPacket = options.onPacket;
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: READ_BUFFER,
        callback: (length) => {
          this.#receive(READ_BUFFER.subarray(0, length));
          return true;
        },
      },
    });
    const key = randomBytes(16).toString('base64');
    this.#socket.write(
      `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\n` +
        `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error('the server closed the connection')));
  }

  /** Resolves when the namespace accepted the connection. @throws Error with what the server said */
  static open(options: RawClientOptions): Promise<RawClient> {
    const client = new RawClient(options);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => client.#settle(new Error('no connection in time')), OPEN_LIMIT_MS);
      client.#settle = (error) => {
        clearTimeout(timer);
        if (error) client.close();
        if (error) reject(error);
        else resolve(client);
      };
    });
  }

  /** Writes a frame that was made with `textFrame`. */
  write(frame: Buffer): void {
    this.#socket.write(frame);
  }

  /** Sends a Socket.IO packet of this client's namespace: type, then `[event, payload]` with the id it is answered by. */
  send(type: 'event' | 'ack', id: number | undefined, content: unknown): void {
    this.write(packetFrame(this.#options.namespace, type, id, content));
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #end(error: Error): void {
    if (!this.#opened) this.#settle(error);
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.onClose();
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#upgraded) {
      this.#reader.read(chunk, this.#frame);
      return;
    }
    this.#head += chunk.toString('latin1');
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0 && this.#head.length < MAX_HEAD_BYTES) return;
    if (end < 0 || !this.#head.startsWith('HTTP/1.1 101')) {
      this.#end(new Error(`not upgraded: ${this.#head.slice(0, 200)}`));
      return;
    }
    this.#upgraded = true;
    const rest = Buffer.from(this.#head.slice(end + 4), 'latin1');
    this.#head = '';
    if (rest.length > 0) this.#reader.read(rest, this.#frame);
  }

  readonly #frame = (opcode: number, bytes: Buffer, from: number, to: number): void => {
    if (opcode === CLOSE) this.#end(new Error('the server closed the WebSocket'));
    if (opcode !== TEXT || this.#closed) return;
    const kind = bytes[from];
    if (kind === ENGINE_MESSAGE) {
      if (this.#opened) this.onPacket(bytes, from + 1, to);
      else this.#answered(bytes, from + 1, to);
    } else if (kind === ENGINE_PING) {
      this.write(PONG);
    } else if (kind === ENGINE_OPEN) {
      this.write(textFrame(`40${this.#options.namespace},${JSON.stringify(this.#options.auth)}`));
    } else if (kind === ENGINE_CLOSE) {
      this.#end(new Error('the server closed the session'));
    }
  };

  #answered(bytes: Buffer, from: number, to: number): void {
    const kind = bytes[from];
    if (kind === SOCKET_CONNECT) {
      this.#opened = true;
      this.#settle();
    } else if (kind === SOCKET_REFUSED) {
      this.#end(new Error(`refused: ${bytes.toString('utf8', from, to)}`));
    }
  }
}

/** A packet of a namespace as a frame: `42/lastcall,7["heartbeat",{…}]`. */
export function packetFrame(
  namespace: string,
  type: 'event' | 'ack',
  id: number | undefined,
  content: unknown,
): Buffer {
  return textFrame(`4${type === 'event' ? 2 : 3}${namespace},${id ?? ''}${JSON.stringify(content)}`);
}
