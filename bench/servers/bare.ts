import { HEARTBEAT_ANSWER, listenForSockets } from '../lib/peer.js';
import { usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Socket.IO alone: heartbeats are acknowledged and nothing else. */

const methods = {
  start(_options: { redisUrl: string; secret: string }): Promise<{ port: number }> {
    return listenForSockets((socket) => {
      socket.on('heartbeat', (_payload: unknown, acknowledge: (answer: object) => void) => {
        acknowledge(HEARTBEAT_ANSWER);
      });
    });
  },
  usage,
};

export type PeerServer = typeof methods;
serve(methods);
