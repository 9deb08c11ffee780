import { createServer, type Socket } from 'node:net';

/** How it is, where that is not as it should be. */
export interface OldRedisOptions {
  readonly version?: string;
  readonly loading?: boolean;
  /** How far its clock is ahead, in milliseconds. */
  readonly aheadMs?: number;
}

/** What a Redis 6 says to whoever connects and looks around. */
function answerTo(command: string, options: OldRedisOptions): string {
  const { version = '6.2.14', loading = false, aheadMs = 0 } = options;
  const info = [
    `redis_version:${version}`,
    'redis_mode:standalone',
    `loading:${loading ? 1 : 0}`,
    'role:master',
  ];
  const text = [...info, 'maxmemory_policy:noeviction', 'aof_enabled:1', ''].join('\r\n');
  if (command === 'INFO') return `$${text.length}\r\n${text}\r\n`;
  if (command === 'PING') return '+PONG\r\n';
  const seconds = Math.floor((Date.now() + aheadMs) / 1_000);
  if (command === 'TIME') return `*2\r\n$10\r\n${seconds}\r\n$1\r\n0\r\n`;
  return '+OK\r\n';
}

function serve(socket: Socket, options: OldRedisOptions): void {
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => {
    // Commands come as arrays of strings; the first string is the command's name.
    for (const [, name = ''] of bytes.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
      socket.write(answerTo(name.toUpperCase(), options));
    }
  });
}

/** As much of an old Redis as a broker needs to see that it is too old, or what else is the matter with it. */
export async function startOldRedis(
  options: OldRedisOptions = {},
): Promise<{ url: string; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    serve(socket, options);
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
