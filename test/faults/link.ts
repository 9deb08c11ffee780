import { connect, createServer, type Socket } from 'node:net';
import type { Random } from '../support/random.js';
import { Frames } from './frames.js';

/** What is wrong with a link, for a share of its connections. */
export type Fault =
  /** Now and then a piece from the server is dropped and its connection cut: the command ran, its answer is lost. */
  | { readonly kind: 'cut-reply'; readonly chance: number }
  /** Now and then half a piece reaches the server, and its connection is cut. */
  | { readonly kind: 'cut-request'; readonly chance: number }
  /** Nothing passes, and nobody is told; what hangs so never comes back. */
  | { readonly kind: 'half-open' }
  /** Nothing passes one way; it arrives when all is well again, as TCP would send it again. */
  | { readonly kind: 'one-way'; readonly way: Way }
  | { readonly kind: 'delay'; readonly mostMs: number }
  | { readonly kind: 'drip'; readonly bytesPerSecond: number }
  /** Now and then an event arrives twice, or after the one that follows it. */
  | { readonly kind: 'shuffle'; readonly chance: number };

type Way = 'up' | 'down';

const DRIP_EVERY_MS = 100;
/** A source is paused while more than this waits to pass. */
const MAX_WAITING_BYTES = 1_000_000;
/** An event that changes places with the next one goes on its way after this time in any case. */
const SWAP_MS = 50;

interface Piece {
  readonly bytes: Buffer;
  readonly at: number;
}

/** One direction of one connection. */
class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #frames = new Frames();
  #queue: Piece[] = [];
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #kept: Buffer | undefined;
  isHeld = false;
  mostMs = 0;
  bytesPerSecond = Number.POSITIVE_INFINITY;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
  }

  /** Whole frames, in pieces of their own. */
  framesOf(bytes: Buffer): ReturnType<Frames['take']> {
    return this.#frames.take(bytes);
  }

  push(bytes: Buffer, random: Random): void {
    const last = this.#queue.at(-1)?.at ?? 0;
    const at = Math.max(last, performance.now() + (this.mostMs > 0 ? random.within(0, this.mostMs) : 0));
    this.#queue.push({ bytes, at });
    this.#waiting += bytes.length;
    if (this.#waiting > MAX_WAITING_BYTES) this.#from.pause();
    this.pump();
  }

  /** Keeps an event back until the next one has passed. */
  keep(bytes: Buffer, random: Random): void {
    this.#kept = bytes;
    setTimeout(() => this.letGo(random), SWAP_MS);
  }

  letGo(random: Random): void {
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept) this.push(kept, random);
  }

  get isKeeping(): boolean {
    return this.#kept !== undefined;
  }

  pump(): void {
    clearTimeout(this.#timer);
    while (!this.isHeld) {
      const first = this.#queue[0];
      if (!first) break;
      const waitMs = this.mostMs > 0 ? first.at - performance.now() : 0;
      if (waitMs > 0) return this.#later(waitMs);
      const most = Math.max(1, Math.floor((this.bytesPerSecond * DRIP_EVERY_MS) / 1_000));
      this.#queue.shift();
      if (first.bytes.length > most) this.#queue.unshift({ bytes: first.bytes.subarray(most), at: first.at });
      const sent = first.bytes.subarray(0, most);
      this.#waiting -= sent.length;
      if (this.#to.writable) this.#to.write(sent);
      if (Number.isFinite(this.bytesPerSecond)) return this.#later(DRIP_EVERY_MS);
    }
    if (this.#queue.length === 0) this.#from.resume();
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => this.pump(), ms);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
  }
}

/** A client, its server, and both ways between them. */
class Connection {
  readonly up: Pipe;
  readonly down: Pipe;
  readonly #sockets: readonly [Socket, Socket];
  readonly #random: Random;
  readonly #isFramed: boolean;
  fault: Fault | undefined;

  constructor(client: Socket, server: Socket, random: Random, isFramed: boolean, closed: () => void) {
    this.#sockets = [client, server];
    this.#random = random;
    this.#isFramed = isFramed;
    this.up = new Pipe(client, server);
    this.down = new Pipe(server, client);
    for (const socket of this.#sockets) {
      socket.setNoDelay(true);
      socket.on('error', () => this.destroy());
      socket.on('close', () => {
        this.destroy();
        closed();
      });
    }
    client.on('data', (bytes: Buffer) => this.#pass(bytes, 'up'));
    server.on('data', (bytes: Buffer) => this.#pass(bytes, 'down'));
  }

  #pass(bytes: Buffer, way: Way): void {
    const pipe = this[way];
    const { fault } = this;
    const cuts = way === 'up' ? 'cut-request' : 'cut-reply';
    if (fault?.kind === cuts && this.#random.next() < fault.chance) {
      if (way === 'up') this.up.push(bytes.subarray(0, Math.ceil(bytes.length / 2)), this.#random);
      return this.destroy();
    }
    if (!this.#isFramed) return pipe.push(bytes, this.#random);
    // Frames are followed from the start: where one begins is not known later.
    for (const frame of pipe.framesOf(bytes)) {
      const isHit = fault?.kind === 'shuffle' && frame.isEvent && this.#random.next() < fault.chance;
      if (isHit && !pipe.isKeeping && this.#random.next() < 0.5) {
        pipe.keep(frame.bytes, this.#random);
        continue;
      }
      pipe.push(frame.bytes, this.#random);
      if (isHit) pipe.push(frame.bytes, this.#random);
      pipe.letGo(this.#random);
    }
  }

  /** Begins a fault, or ends it. */
  suffer(fault: Fault | undefined): void {
    const before = this.fault;
    this.fault = fault;
    if (before?.kind === 'half-open' && !fault) return this.destroy();
    for (const way of ['up', 'down'] as const) {
      const pipe = this[way];
      pipe.isHeld = fault?.kind === 'half-open' || (fault?.kind === 'one-way' && fault.way === way);
      pipe.mostMs = fault?.kind === 'delay' ? fault.mostMs : 0;
      pipe.bytesPerSecond = fault?.kind === 'drip' ? fault.bytesPerSecond : Number.POSITIVE_INFINITY;
      pipe.pump();
    }
  }

  destroy(): void {
    this.up.close();
    this.down.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** A way from clients to a server that tests can disturb while it is used. */
export interface Link {
  readonly port: number;
  /** From now on, for about this share of the connections, those to come included. */
  disturb(fault: Fault, share: number): void;
  /** All goes on. */
  heal(): void;
  /** Cuts about this share of the connections. */
  cut(share: number): void;
  stop(): Promise<void>;
}

/**
 * Opens a link to whichever port `target` names at the moment.
 * @param isFramed whether WebSocket frames pass: other streams are passed on as they come
 */
export async function openLink(target: () => number, random: Random, isFramed: boolean): Promise<Link> {
  const connections = new Set<Connection>();
  let fault: Fault | undefined;
  let share = 0;
  const server = createServer((client) => {
    const upstream = connect(target(), '127.0.0.1');
    const connection = new Connection(client, upstream, random, isFramed, () =>
      connections.delete(connection),
    );
    connections.add(connection);
    if (fault && random.next() < share) connection.suffer(fault);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address !== 'object') throw new Error('the link got no port');
  return {
    port: address.port,
    disturb(next, part) {
      fault = next;
      share = part;
      for (const connection of connections) if (random.next() < part) connection.suffer(next);
    },
    heal() {
      fault = undefined;
      for (const connection of connections) if (connection.fault) connection.suffer(undefined);
    },
    cut(part) {
      for (const connection of connections) if (random.next() < part) connection.destroy();
    },
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        for (const connection of connections) connection.destroy();
      }),
  };
}
