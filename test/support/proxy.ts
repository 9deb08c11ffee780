import { connect, createServer, type Socket } from 'node:net';

/** A link that tests can break: everything goes through until it is told otherwise. */
export interface Proxy {
  readonly port: number;
  /** The next piece from the server is dropped and its connection cut: the command ran, its answer is lost. */
  cutNextReply(): void;
  /** Nothing passes in either direction, and nobody is told (true), or all goes on (false). */
  stall(on: boolean): void;
  stop(): Promise<void>;
}

/** To one port, or to whichever the test has it lead to at the moment: the simplest of load balancers. */
export function startProxy(target: number | (() => number)): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let cut = false;
  let stalled = false;
  const link = (client: Socket): void => {
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
      if (stalled) socket.pause();
    }
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (cut) {
        cut = false;
        end();
      } else client.write(bytes);
    });
    if (stalled) for (const socket of [client, upstream]) socket.pause();
  };
  const server = createServer(link);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address !== 'object') return reject(new Error('the proxy got no port'));
      return resolve({
        port: address.port,
        cutNextReply: () => {
          cut = true;
        },
        stall: (on) => {
          stalled = on;
          for (const socket of sockets) {
            if (on) socket.pause();
            else socket.resume();
          }
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
