import type { AddressInfo } from 'node:net';
import { CLIENT_NAMESPACE } from '@lastcall/shared';
import { WebSocketServer } from 'ws';
import { HEARTBEAT_ANSWER } from '../lib/peer.js';
import { heapBytes, usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** `ws` without a framework: each message is read as JSON and answered as JSON. The frames are those of Socket.IO, so
 * that the same load drives it. */

const OPEN = `0${JSON.stringify({ sid: 'raw', upgrades: [], pingInterval: 600_000, pingTimeout: 600_000 })}`;
const CONNECTED = `40${CLIENT_NAMESPACE},${JSON.stringify({ sid: 'raw' })}`;
const EVENT = `42${CLIENT_NAMESPACE},`;

const methods = {
  async start(_options: { redisUrl: string | undefined; secret: string }): Promise<{ port: number }> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
    server.on('connection', (socket) => {
      socket.send(OPEN);
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (!text.startsWith(EVENT)) {
          if (text.startsWith('40')) socket.send(CONNECTED);
          return;
        }
        const begins = text.indexOf('[', EVENT.length);
        const [event] = JSON.parse(text.slice(begins)) as [string, object];
        if (event !== 'heartbeat') return;
        const id = text.slice(EVENT.length, begins);
        socket.send(`43${CLIENT_NAMESPACE},${id}${JSON.stringify([HEARTBEAT_ANSWER])}`);
      });
    });
    await new Promise<void>((resolve) => server.once('listening', resolve));
    return { port: (server.address() as AddressInfo).port };
  },
  usage,
  heapBytes,
};

serve(methods);
