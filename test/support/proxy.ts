import { connect, createServer, type Socket } from 'node:net';

/** A link that tests can break: everything goes through until it is told otherwise. */
export interface Proxy {
  readonly port: number;
  /** How many connections it took so far. */
  readonly taken: number;
  /** The next piece from the server is dropped and its connection cut: the command ran, its answer is lost. */
  cutNextReply(): void;
  /** Nothing passes in either direction, and nobody is told (true), or all goes on (false). */
  stall(on: boolean): void;
  /** Connections end, and new ones do at once (true). */
  refuse(on: boolean): void;
  /** What the server sends comes this much later; 0: at once. */
  delay(ms: number): void;
  /** What the server sends comes one byte in this time; 0: all at once. */
  drip(everyMs: number): void;
  stop(): Promise<void>;
}

/** One direction of a link, in order, whatever the delay: timers of different lengths need not be. */
class Pipe {
  readonly #to: Socket;
  readonly #waiting: { readonly bytes: Buffer; readonly at: number }[] = [];
  #freeAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(to: Socket) {
    this.#to = to;
  }

  send(bytes: Buffer, delayMs: number): void {
    this.#freeAt = Math.max(this.#freeAt, performance.now() + delayMs);
    this.#waiting.push({ bytes, at: this.#freeAt });
    if (!this.#timer) this.#pass();
  }

  #pass(): void {
    this.#timer = undefined;
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const leftMs = first.at - performance.now();
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#pass(), leftMs).unref();
        return;
      }
      this.#waiting.shift();
      if (!this.#to.destroyed) this.#to.write(first.bytes);
    }
  }

  /** Byte by byte: the last one long after the first. */
  drip(bytes: Buffer, everyMs: number): void {
    for (const byte of bytes) {
      this.#freeAt = Math.max(this.#freeAt, performance.now()) + everyMs;
      this.send(Buffer.of(byte), 0);
    }
  }
}

/** To one port, or to whichever the test has it lead to at the moment: the simplest of load balancers. */
export function startProxy(target: number | (() => number)): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const fault = { cut: false, stalled: false, refusing: false, delayMs: 0, dripMs: 0 };
  let taken = 0;
  const link = (client: Socket): void => {
    taken += 1;
    if (fault.refusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(typeof target === 'number' ? target : target(), '127.0.0.1');
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        sockets.delete(socket);
        end();
      });
      if (fault.stalled) socket.pause();
    }
    const down = new Pipe(client);
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (fault.cut) {
        fault.cut = false;
        end();
      } else if (fault.dripMs > 0) down.drip(bytes, fault.dripMs);
      else down.send(bytes, fault.delayMs);
    });
    if (fault.stalled) for (const socket of [client, upstream]) socket.pause();
  };
  const server = createServer(link);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address !== 'object') return reject(new Error('the proxy got no port'));
      return resolve({
        port: address.port,
        get taken() {
          return taken;
        },
        cutNextReply: () => {
          fault.cut = true;
        },
        stall: (on) => {
          fault.stalled = on;
          for (const socket of sockets) {
            if (on) socket.pause();
            else socket.resume();
          }
        },
        refuse: (on) => {
          fault.refusing = on;
          if (on) for (const socket of sockets) socket.destroy();
        },
        delay: (ms) => {
          fault.delayMs = ms;
        },
        drip: (everyMs) => {
          fault.dripMs = everyMs;
        },
        stop: () =>
          new Promise((stopped) => {
            server.close(() => stopped());
            for (const socket of sockets) socket.destroy();
          }),
      });
    });
  });
}
