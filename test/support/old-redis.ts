import { createServer, type Socket } from 'node:net';

const INFO = ['redis_version:6.2.14', 'redis_mode:standalone', 'loading:0', 'role:master'].join('\r\n');

/** What a Redis 6 says to whoever connects and looks around. */
function answerTo(command: string): string {
  if (command === 'INFO') return `$${INFO.length}\r\n${INFO}\r\n`;
  if (command === 'PING') return '+PONG\r\n';
  if (command === 'TIME') return `*2\r\n$10\r\n${Math.floor(Date.now() / 1_000)}\r\n$1\r\n0\r\n`;
  return '+OK\r\n';
}

function serve(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    // Commands come as arrays of strings; the first string is the command's name.
    for (const [, name = ''] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
      socket.write(answerTo(name.toUpperCase()));
    }
  });
}

/** As much of an old Redis as a broker needs to see that it is too old. */
export async function startOldRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    serve(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address !== 'object') throw new Error('no port');
  return {
    url: `redis://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
