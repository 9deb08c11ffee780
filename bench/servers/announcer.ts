import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { type WebSocket, WebSocketServer } from 'ws';
import { TRANSPORT } from '../lib/peer.js';
import { usage, watchLoop } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Tells everybody who is connected, in the ways that are usual: a loop over `ws`, `io.emit`, the same through Redis. */

const ACKNOWLEDGED_WITHIN_MS = 60_000;
const longestBlock = watchLoop();

/** As long as a warning of Lastcall, so that only the work differs. */
const WARNING = {
  orderId: '01890a5d-ac96-774b-bcce-b302099a8057',
  version: 1,
  action: 'logoff',
  reason: 'admin',
  message: 'Maintenance begins in ten minutes. Please save your work.',
  by: { kind: 'admin', id: 'root', name: 'root' },
  deadlineMs: 600_000,
  extendable: false,
  holdable: true,
};
const OPEN = `0${JSON.stringify({ sid: 'raw', upgrades: [], pingInterval: 600_000, pingTimeout: 600_000 })}`;
const CONNECTED = `40${CLIENT_NAMESPACE},${JSON.stringify({ sid: 'raw' })}`;
const FRAME = `42${CLIENT_NAMESPACE},${JSON.stringify(['warning', WARNING])}`;

let announce: (asks: boolean) => Promise<void> = () => Promise.resolve();

async function startRaw(): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
  const sockets = new Set<WebSocket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => void sockets.delete(socket));
    socket.send(OPEN);
    socket.on('message', (data: Buffer) => {
      if (data.toString().startsWith('40')) socket.send(CONNECTED);
    });
  });
  announce = (): Promise<void> => {
    for (const socket of sockets) socket.send(FRAME);
    return Promise.resolve();
  };
  await new Promise<void>((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

async function startSocketIo(redisUrl: string | undefined): Promise<number> {
  const http = createServer();
  const io = new Server(http, TRANSPORT);
  if (redisUrl !== undefined) io.adapter(createAdapter(new Redis(redisUrl), new Redis(redisUrl)));
  const namespace = io.of(CLIENT_NAMESPACE);
  announce = async (asks) => {
    if (asks) await namespace.timeout(ACKNOWLEDGED_WITHIN_MS).emitWithAck('warning', WARNING);
    else namespace.emit('warning', WARNING);
  };
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return (http.address() as AddressInfo).port;
}

const methods = {
  /** `redisUrl`: other nodes are told through it. */
  async start(options: { kind: 'raw' | 'socket.io'; redisUrl?: string }): Promise<{ port: number }> {
    const port = options.kind === 'raw' ? await startRaw() : await startSocketIo(options.redisUrl);
    return { port };
  },
  /** Resolves when it is out, or when everybody who was asked to has acknowledged it. */
  announce: ({ asks }: { asks: boolean }): Promise<void> => announce(asks),
  longestBlock,
  usage,
};

export type Announcer = typeof methods;
serve(methods);
