import { Duplex } from 'node:stream';
import type { Host } from './clock.js';

/** One end of a connection, as its owner sees it. */
export interface End {
  readonly host: Host;
  bytes(chunk: Buffer): void;
  /** The other side sends no more. */
  ended(): void;
  /** The connection is gone. */
  reset(): void;
}

/** What is sent over a connection. */
export type Packet = { readonly kind: 'bytes'; readonly chunk: Buffer } | { readonly kind: 'end' | 'reset' };

/** A connection that stands. */
interface Line {
  send(from: End, packet: Packet): void;
}

/** A socket of Node as far as HTTP, WebSockets and the client of Redis use one. */
export class VirtualSocket extends Duplex implements End {
  readonly host: Host;
  readonly remoteAddress: string;
  readonly remotePort = 1;
  connecting = true;
  encrypted = false;
  #line: Line | undefined;
  #waiting: (() => void)[] = [];
  #limitMs = 0;
  #limit: NodeJS.Timeout | undefined;

  constructor(host: Host, remoteAddress: string) {
    super({ allowHalfOpen: false });
    this.host = host;
    this.remoteAddress = remoteAddress;
  }

  /** The connection stands. */
  begin(line: Line): void {
    if (this.destroyed) {
      line.send(this, { kind: 'reset' });
      return;
    }
    this.#line = line;
    this.connecting = false;
    this.emit('connect');
    this.emit('ready');
    for (const send of this.#waiting.splice(0)) send();
  }

  fail(name: string): void {
    const error = new Error(`connect ECONNREFUSED ${name}`);
    this.destroy(Object.assign(error, { code: 'ECONNREFUSED', syscall: 'connect' }));
  }

  bytes(chunk: Buffer): void {
    this.#await();
    if (!this.destroyed) this.push(chunk);
  }

  ended(): void {
    if (!this.destroyed) this.push(null);
  }

  reset(): void {
    const error = new Error('read ECONNRESET');
    this.destroy(Object.assign(error, { code: 'ECONNRESET', syscall: 'read' }));
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  /** Silence for so long is told of; 0 ends that. */
  setTimeout(ms: number, heard?: () => void): this {
    this.#limitMs = ms;
    if (heard) this.once('timeout', heard);
    this.#await();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    // What arrives is pushed when it arrives.
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#send({ kind: 'bytes', chunk: Buffer.from(chunk) });
    done();
  }

  override _final(done: () => void): void {
    this.#send({ kind: 'end' });
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#line?.send(this, { kind: 'reset' });
    clearTimeout(this.#limit);
    this.#waiting = [];
    done(error);
  }

  #await(): void {
    clearTimeout(this.#limit);
    if (this.#limitMs > 0) this.#limit = setTimeout(() => this.emit('timeout'), this.#limitMs);
  }

  #send(packet: Packet): void {
    this.#await();
    if (this.#line) this.#line.send(this, packet);
    else this.#waiting.push(() => this.#line?.send(this, packet));
  }
}
