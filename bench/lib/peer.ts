import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLIENT_NAMESPACE, DEFAULT_POLICY } from '@lastcall/shared';
import { Server, type ServerOptions, type Socket } from 'socket.io';

/** What peers answer a heartbeat with: the same bytes as the broker, so that only the work differs. */
export const HEARTBEAT_ANSWER = { ok: true, leaseMs: DEFAULT_POLICY.leaseMs };

/** The transport as the broker sets it up. */
export const TRANSPORT: Partial<ServerOptions> = {
  transports: ['websocket'],
  allowUpgrades: false,
  serveClient: false,
  perMessageDeflate: false,
  httpCompression: false,
  pingInterval: 10_000,
  pingTimeout: 10_000,
};

/** A bare Socket.IO server on the broker's namespace, with the transport set up as the broker's is. */
export async function listenForSockets(connected: (socket: Socket) => void): Promise<{ port: number }> {
  const http = createServer();
  const io = new Server(http, TRANSPORT);
  io.of(CLIENT_NAMESPACE).on('connection', connected);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return { port: (http.address() as AddressInfo).port };
}
