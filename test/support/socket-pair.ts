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
  /** How both sides write packets, if not as usual. */
  readonly parser?: object;
}

export interface Ends {
  readonly client: Client;
  /** The server's side of the client. */
  readonly socket: Socket;
}

export interface SocketPair extends Ends {
  readonly server: Server;
  /** One more client of the same server. */
  another(): Promise<Ends>;
}

/** A Socket.IO server with one client. */
export async function socketPair(
  cleanups: Cleanups,
  { transport = 'websocket', auth = {}, extraHeaders = {}, parser }: PairOptions = {},
): Promise<SocketPair> {
  const http = createServer();
  const server = new Server(http, { transports: [transport], ...(parser && { parser }) });
  cleanups.add(() => server.close());
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const another = async (): Promise<Ends> => {
    const accepted = new Promise<Socket>((resolve) => {
      server.of(CLIENT_NAMESPACE).once('connection', resolve);
    });
    const client = io(`http://127.0.0.1:${port}${CLIENT_NAMESPACE}`, {
      transports: [transport],
      auth,
      extraHeaders,
      forceNew: true,
      ...(parser && { parser }),
    });
    cleanups.add(() => client.disconnect());
    return { client, socket: await accepted };
  };
  return { server, ...(await another()), another };
}
