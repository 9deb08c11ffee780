import type { Server } from 'socket.io';
import type { Verifier } from '../auth/index.js';
import type { Core } from '../core.js';
import type { Limits } from '../limits.js';
import type { Load } from '../load.js';
import type { OriginRule } from './handshake.js';

/** What both channels are made of. */
export interface GatewayParts {
  readonly io: Server;
  readonly core: Core;
  readonly verifier: Verifier;
  readonly limits: Limits;
  readonly origins: OriginRule;
  readonly trustProxy: number;
  /** Heartbeats a socket may send in 10 s. */
  readonly heartbeatBurst: number;
  /** The Socket.IO server is ours alone, so that a logoff may close the whole connection. */
  readonly ownsTransport: boolean;
  /** Longest time a stop may take to send clients elsewhere, and how many of them another node takes in a second. */
  readonly drainMs: number;
  readonly resumesPerSecond: number;
  readonly load: Load;
}
