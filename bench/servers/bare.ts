import { HEARTBEAT_ANSWER, listenForSockets } from '../lib/peer.js';
import { heapBytes, usage } from '../lib/usage.js';
import { serve } from '../lib/worker.js';

/** Socket.IO alone: heartbeats are acknowledged and nothing else. */

const methods = {
  start(_options: { redisUrl: string | undefined; secret: string }): Promise<{ port: number }> {
    return listenForSockets((socket) => {
      socket.on('heartbeat', (_payload: unknown, acknowledge: (answer: object) => void) => {
        acknowledge(HEARTBEAT_ANSWER);
      });
    });
  },
  usage,
  heapBytes,
};

export type PeerServer = typeof methods;
serve(methods);
