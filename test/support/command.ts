import { createClient } from 'redis';

/** One command to one server, by a client of another make on a connection of its own; fails when there is no answer. */
export async function command(port: number, ...words: readonly string[]): Promise<unknown> {
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    RESP: 2,
    socket: { connectTimeout: 1_000, reconnectStrategy: false, socketTimeout: 10_000 },
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await client.sendCommand([...words]);
  } finally {
    if (client.isOpen) client.destroy();
  }
}
