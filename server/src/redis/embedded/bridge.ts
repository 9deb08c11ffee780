import type { Socket } from 'node:net';
import type { EngineMemory, HostImports } from './wasm.js';

/** The engine's own files live below this number, so sockets are numbered from here. */
const FIRST_FD = 4096;
/** Interest and readiness bits of the engine's event loop. */
const READABLE = 1;
const WRITABLE = 2;
/** Bytes a client may have sent that the engine has not read, before its socket is paused. */
const UNREAD_LIMIT = 1 << 20;
/** Bytes the engine may have written that a client has not taken, before the engine is told to wait. */
const UNSENT_LIMIT = 1 << 20;
/** Time a closed client has to take its last bytes. */
const CLOSE_LINGER_MS = 5_000;
/** A file descriptor and a mask, 4 bytes each, per entry of the engine's poll lists. */
const POLL_ENTRY_WORDS = 2;

/** The far side of one of the engine's sockets. */
export interface Line {
  /** @returns false when nobody is there any more. */
  send(bytes: Buffer): boolean;
  congested(): boolean;
  pause(): void;
  resume(): void;
  close(): void;
}

interface Peer {
  readonly line: Line;
  /** Reached by TCP: somebody else's. */
  readonly remote: boolean;
  readonly chunks: Buffer[];
  readOffset: number;
  unreadBytes: number;
  paused: boolean;
  ended: boolean;
}

/** What the far side tells the engine. */
export interface Feed {
  bytes(bytes: Buffer): void;
  end(): void;
  drained(): void;
}

/**
 * The sockets of the embedded engine: numbers handed out and taken back, bytes carried in both directions with
 * limits on both. Calls `wake` whenever there is something for the engine to look at.
 */
export class Bridge {
  readonly #wake: () => void;
  readonly #peers = new Map<number, Peer>();
  /** Sockets the engine made itself: its listener, and outgoing ones, which are refused. */
  readonly #ownSockets = new Set<number>();
  readonly #listeners = new Set<number>();
  readonly #waiting: number[] = [];
  readonly #freeFds: number[] = [];
  #nextFd = FIRST_FD;
  #memory: EngineMemory | undefined;
  #bytes = Buffer.alloc(0);
  #words = new Int32Array(0);

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  get connections(): number {
    return this.#peers.size;
  }

  /** The highest number of sockets that were ever open at once (numbers are used again). */
  get descriptorsUsed(): number {
    return this.#nextFd - FIRST_FD;
  }

  useMemory(memory: EngineMemory): void {
    this.#memory = memory;
  }

  /** Hands a TCP connection to the engine. */
  connect(socket: Socket): void {
    const line: Line = {
      send: (bytes) => {
        if (!socket.writable) return false;
        socket.write(bytes);
        return true;
      },
      congested: () => socket.writableLength > UNSENT_LIMIT,
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      close: () => {
        socket.removeAllListeners('data');
        // Bytes that still arrive are thrown away, so that the end of the connection is seen.
        socket.resume();
        socket.setTimeout(CLOSE_LINGER_MS, () => socket.destroy());
        socket.destroySoon();
      },
    };
    const feed = this.#attach(line, true);
    socket.on('data', (bytes) => feed.bytes(bytes));
    socket.on('drain', () => feed.drained());
    for (const event of ['end', 'close', 'error']) socket.on(event, () => feed.end());
  }

  /** Hands any other line to the engine: the way the worker itself talks to it, without TCP. */
  attach(line: Line): Feed {
    return this.#attach(line, false);
  }

  /** Takes no more from TCP clients: what they asked before is answered or not, what they ask now is not run. */
  hangUp(): void {
    for (const peer of this.#peers.values()) {
      if (!peer.remote) continue;
      peer.chunks.length = 0;
      peer.ended = true;
    }
    this.#wake();
  }

  closeAll(): void {
    for (const fd of this.#peers.keys()) this.#close(fd);
  }

  /** The functions the engine calls instead of the system's. */
  imports(): HostImports {
    return {
      socket: () => {
        const fd = this.#takeFd();
        this.#ownSockets.add(fd);
        return fd;
      },
      listen: (fd) => {
        this.#listeners.add(fd);
        return 0;
      },
      accept: () => this.#waiting.shift() ?? -1,
      read: (fd, pointer, length) => this.#read(fd, pointer, length),
      write: (fd, pointer, length) => this.#write(fd, pointer, length),
      close: (fd) => this.#close(fd),
      poll: (interest, count, fired, limit) => this.#poll(interest / 4, count, fired / 4, limit),
    };
  }

  #attach(line: Line, remote: boolean): Feed {
    const peer: Peer = {
      line,
      remote,
      chunks: [],
      readOffset: 0,
      unreadBytes: 0,
      paused: false,
      ended: false,
    };
    const fd = this.#takeFd();
    this.#peers.set(fd, peer);
    this.#waiting.push(fd);
    this.#wake();
    return {
      bytes: (bytes) => {
        if (peer.ended) return;
        peer.chunks.push(bytes);
        peer.unreadBytes += bytes.length;
        if (peer.unreadBytes > UNREAD_LIMIT && !peer.paused) {
          peer.paused = true;
          line.pause();
        }
        this.#wake();
      },
      end: () => {
        if (peer.ended) return;
        peer.ended = true;
        this.#wake();
      },
      drained: () => this.#wake(),
    };
  }

  #takeFd(): number {
    return this.#freeFds.pop() ?? this.#nextFd++;
  }

  /** The engine's memory moves when it grows: the views are made anew then. */
  #refreshViews(): void {
    const buffer = this.#memory?.buffer;
    if (buffer === undefined || buffer === this.#words.buffer) return;
    this.#bytes = Buffer.from(buffer);
    this.#words = new Int32Array(buffer);
  }

  /** @returns the bytes copied, 0 at the end of the connection, -1 when there is nothing yet. */
  #read(fd: number, pointer: number, length: number): number {
    const peer = this.#peers.get(fd);
    if (peer === undefined) return 0;
    if (peer.chunks.length === 0) return peer.ended ? 0 : -1;
    this.#refreshViews();
    let copied = 0;
    let chunk = peer.chunks[0];
    while (chunk !== undefined && copied < length) {
      const part = chunk.copy(
        this.#bytes,
        pointer + copied,
        peer.readOffset,
        peer.readOffset + length - copied,
      );
      copied += part;
      peer.readOffset += part;
      if (peer.readOffset < chunk.length) break;
      peer.chunks.shift();
      peer.readOffset = 0;
      chunk = peer.chunks[0];
    }
    peer.unreadBytes -= copied;
    if (peer.paused && peer.unreadBytes < UNREAD_LIMIT) {
      peer.paused = false;
      peer.line.resume();
    }
    return copied;
  }

  /**
   * @returns the bytes taken; 0 for a client that does not take what it is sent, so that the engine keeps the rest
   * and its own limit on output applies; -1 for one that is gone.
   */
  #write(fd: number, pointer: number, length: number): number {
    const peer = this.#peers.get(fd);
    if (peer === undefined) return -1;
    if (peer.line.congested()) return 0;
    this.#refreshViews();
    const copy = Buffer.from(this.#bytes.subarray(pointer, pointer + length));
    return peer.line.send(copy) ? length : -1;
  }

  #close(fd: number): void {
    const peer = this.#peers.get(fd);
    this.#listeners.delete(fd);
    if (!this.#ownSockets.delete(fd) && !this.#peers.delete(fd)) return;
    this.#freeFds.push(fd);
    if (peer === undefined) return;
    peer.ended = true;
    peer.line.close();
  }

  #poll(interestWord: number, count: number, firedWord: number, limit: number): number {
    this.#refreshViews();
    const words = this.#words;
    let fired = 0;
    for (let entry = 0; entry < count && fired < limit; entry += 1) {
      const at = interestWord + entry * POLL_ENTRY_WORDS;
      const fd = words[at] ?? -1;
      const ready = this.#readiness(fd) & (words[at + 1] ?? 0);
      if (ready === 0) continue;
      words[firedWord + fired * POLL_ENTRY_WORDS] = fd;
      words[firedWord + fired * POLL_ENTRY_WORDS + 1] = ready;
      fired += 1;
    }
    return fired;
  }

  #readiness(fd: number): number {
    if (this.#listeners.has(fd)) return this.#waiting.length > 0 ? READABLE : 0;
    const peer = this.#peers.get(fd);
    if (peer === undefined) return 0;
    const readable = peer.chunks.length > 0 || peer.ended ? READABLE : 0;
    return readable | (peer.line.congested() ? 0 : WRITABLE);
  }
}
