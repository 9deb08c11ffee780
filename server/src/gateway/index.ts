import type { Server as HttpServer } from 'node:http';
import { Server } from 'socket.io';
import type { Config } from '../config.js';
import { AdminGateway } from './admin.js';
import { ClientGateway } from './client.js';
import { OriginRule } from './handshake.js';
import type { GatewayParts } from './parts.js';
import { guardTransports } from './transport.js';

export { OriginRule } from './handshake.js';
export { noteRefusedOrigins } from './refused-origins.js';

/** A dead link is noticed well within the default lease. */
const PING_MS = 10_000;
const CONNECT_WITHIN_MS = 5_000;

/** A Socket.IO server as Lastcall wants it: WebSocket only, nothing compressed, nothing recovered behind our back. */
export function createSocketServer(
  httpServer: HttpServer,
  config: Config,
  refused: (origin: string) => void = () => undefined,
): Server {
  const origins = new OriginRule(config);
  const io = new Server(httpServer, {
    transports: ['websocket'],
    allowUpgrades: false,
    serveClient: false,
    perMessageDeflate: false,
    httpCompression: false,
    maxHttpBufferSize: config.maxPayloadBytes,
    pingInterval: PING_MS,
    pingTimeout: PING_MS,
    connectTimeout: CONNECT_WITHIN_MS,
    cors: { origin: [...config.allowedOrigins] },
    allowRequest: (request, decide) => {
      const { origin, host } = request.headers;
      const isAllowed = origins.allows(origin, host);
      if (!isAllowed) refused(origin ?? '');
      decide(isAllowed ? null : 'this origin may not connect', isAllowed);
    },
  });
  guardTransports(io, config);
  return io;
}

/** Both channels on one Socket.IO server. */
export class Gateway {
  readonly #client: ClientGateway;
  readonly #admin: AdminGateway;

  constructor(parts: GatewayParts) {
    this.#admin = new AdminGateway(parts);
    this.#client = new ClientGateway(parts, () => this.#admin.flush());
  }

  start(): void {
    this.#client.start();
  }

  /** Admits nobody any more. */
  drain(): void {
    this.#admin.drain();
    this.#client.drain();
  }

  /** Closes every socket and waits for what was under way. */
  async stop(): Promise<void> {
    await this.#client.stop();
    this.#admin.stop();
  }
}
