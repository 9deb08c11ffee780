import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { Server, type Socket } from 'socket.io';
import { type Socket as Client, io } from 'socket.io-client';
import type { Cleanups } from './faults.js';

/** What a client of a pair brings with it. */
export interface PairOptions {
  readonly transport?: 'websocket' | 'polling';
  readonly auth?: object;
  readonly extraHeaders?: Record<string, string>;
}

export interface SocketPair {
  readonly server: Server;
  readonly client: Client;
  /** The server's side of the client. */
  readonly socket: Socket;
}

/** A Socket.IO server with one client. */
export async function socketPair(
  cleanups: Cleanups,
  { transport = 'websocket', auth = {}, extraHeaders = {} }: PairOptions = {},
): Promise<SocketPair> {
  const http = createServer();
  const server = new Server(http, { transports: [transport] });
  cleanups.add(() => server.close());
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => {
    server.of(CLIENT_NAMESPACE).on('connection', resolve);
  });
  const { port } = http.address() as AddressInfo;
  const client = io(`http://127.0.0.1:${port}${CLIENT_NAMESPACE}`, {
    transports: [transport],
    auth,
    extraHeaders,
    forceNew: true,
  });
  cleanups.add(() => client.disconnect());
  return { server, client, socket: await accepted };
}
