import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Express, Router } from 'express';
import type { Server as SocketServer } from 'socket.io';
import { createVerifier, developmentSecret, mintToken, SignInCodes, type TokenClaims } from './auth/index.js';
import type { Config } from './config.js';
import { type Core, createCore } from './core.js';
import { maxConnections } from './descriptors.js';
import { createSocketServer, Gateway, noteRefusedOrigins, OriginRule } from './gateway/index.js';
import { createHealth, type Health } from './health.js';
import { createApp, createRouter } from './http/app.js';
import { createLimits } from './limits.js';
import { Load } from './load.js';
import { createLogger, type Logger } from './log.js';
import { createMetrics } from './metrics.js';
import { type OpenedStore, openStore } from './redis/open.js';
import { VERSION } from './version.js';
import type { WebhookSettings } from './webhooks/index.js';

/** How long a stop waits for requests that are under way and for clients that are to close. */
const DRAIN_LIMIT_MS = 5_000;
const SIGNED_ELSEWHERE = 'Tokens are signed elsewhere: LASTCALL_JWKS_URL is set.';

export interface BrokerOptions {
  readonly config: Config;
  /** An application's own HTTP server; it listens and closes by itself. */
  readonly httpServer?: HttpServer;
  /** An application's own Socket.IO server; Lastcall lives on its namespaces `/lastcall` and `/lastcall/admin`. */
  readonly io?: SocketServer;
  readonly logger?: Logger;
}

/** A running broker. */
export interface Broker {
  readonly core: Core;
  /** The whole HTTP side, as `listen` serves it: API, health, a page at `/` and, in development, the demo. */
  readonly app: Express;
  /** The HTTP API and health pages alone, to be mounted in an Express application of one's own. */
  readonly router: Router;
  /** Listens on the configured host and port. @throws Error `EADDRINUSE` */
  listen(): Promise<{ url: string }>;
  /** Mints a token with the shared secret. @throws Error when tokens come from elsewhere (JWKS) */
  token(claims: TokenClaims): Promise<string>;
  /**
   * Where the console of this process is opened by whoever has the link, as whom it says: once, and for ten minutes.
   *
   * @param url where this process listens, or a proxy in front of it alone
   * @throws Error when tokens come from elsewhere (JWKS)
   */
  consoleLink(url: string, claims: TokenClaims): string;
  /** Whether it may be sent work. */
  health: Health;
  /** Admits nobody, closes the sockets, lets requests finish, saves and lets go of the store. */
  close(): Promise<void>;
}

/**
 * Starts a broker: alone, or inside an application's HTTP or Socket.IO server.
 *
 * @throws {ConfigError} for settings that cannot be; Error when the store cannot be used, with what to do
 * @example
 * const broker = await createBroker({ config: loadConfig({ env: process.env }) });
 * const { url } = await broker.listen();
 */
export async function createBroker(options: BrokerOptions): Promise<Broker> {
  const { config } = options;
  const log = options.logger ?? createLogger(config);
  const metrics = createMetrics();
  const opened = await openStore(config, log);
  try {
    return await startBroker(options, { log, metrics, opened });
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function startBroker(
  options: BrokerOptions,
  parts: { log: Logger; metrics: ReturnType<typeof createMetrics>; opened: OpenedStore },
): Promise<Broker> {
  const { config } = options;
  const { log, metrics, opened } = parts;
  const secret = config.jwtSecret ?? (config.jwksUrl ? undefined : await developmentSecret(config.dataDir));
  const verifier = createVerifier({ ...config, jwtSecret: secret });
  const load = new Load();
  const limits = createLimits(config, () => load.strain());
  const core = createCore({
    driver: opened.driver,
    log,
    metrics,
    load,
    version: VERSION,
    webhooks: webhooksOf(config),
    archive: { dir: config.auditDir, keys: config.auditKey },
    ...(opened.persist ? { persist: opened.persist } : {}),
  });
  await core.start();

  const { archive, nodes, webhooks } = core;
  const health = createHealth({ opened, metrics, archive, nodes, webhooks });
  const mint = secret ? minter(secret, config) : undefined;
  const http = { core, config, verifier, limits, health };
  const codes = new SignInCodes<TokenClaims>();
  const app = createApp({ ...http, mint, codes });
  const httpServer = options.httpServer ?? createServer(app);
  const connections = connectionsOf(httpServer);
  if (!options.httpServer) boundConnections(httpServer, log);
  const io = options.io ?? createSocketServer(httpServer, config, noteRefusedOrigins(core));
  const origins = new OriginRule(config);
  const ownsTransport = options.io === undefined;
  const { trustProxy, heartbeatBurst, drainMs, resumesPerSecond } = config;
  const sizes = { trustProxy, heartbeatBurst, drainMs, resumesPerSecond };
  const gateway = new Gateway({ ...http, ...sizes, io, origins, ownsTransport, load });
  gateway.start();

  const stop = once(async () => {
    health.drain();
    gateway.drain();
    await gateway.stop();
    if (!options.io) io.engine.close();
    if (!options.io && !options.httpServer) await closeServer(httpServer, connections);
    await core.stop().catch((error: unknown) => log.warn({ err: error }, 'this node could not say good-bye'));
    await opened.close();
  });
  return {
    core,
    app,
    router: createRouter(http),
    health,
    listen: () => listen(httpServer, config),
    ...signInsOf(mint, codes),
    close: stop,
  };
}

/** What signs people in whose tokens are signed here. */
function signInsOf(
  mint: ReturnType<typeof minter> | undefined,
  codes: SignInCodes<TokenClaims>,
): Pick<Broker, 'token' | 'consoleLink'> {
  return {
    token: async (claims) => {
      if (!mint) throw new Error(SIGNED_ELSEWHERE);
      return await mint(claims);
    },
    consoleLink: (url, claims) => {
      if (!mint) throw new Error(SIGNED_ELSEWHERE);
      return `${url}/console/#code=${codes.make(claims)}`;
    },
  };
}

/** Does a thing the first time it is asked for; later calls wait for the same. */
function once(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= act());
}

function webhooksOf({ webhookUrl, webhookSecret, jwtIssuer }: Config): WebhookSettings | undefined {
  if (webhookUrl === undefined || webhookSecret === undefined) return undefined;
  return { url: webhookUrl, secrets: webhookSecret, issuer: jwtIssuer };
}

function minter(secret: string, config: Config): (claims: TokenClaims) => Promise<string> {
  const { jwtIssuer: issuer, jwtAudience: audience, tenantClaim } = config;
  return (claims) => mintToken(secret, { issuer, audience, tenantClaim, ...claims });
}

async function listen(server: HttpServer, config: Config): Promise<{ url: string }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(config.port, config.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port, address, family } = server.address() as AddressInfo;
  const anyHost = address === '0.0.0.0' || address === '::';
  const host = anyHost ? 'localhost' : family === 'IPv6' ? `[${address}]` : address;
  return { url: `http://${host}:${port}` };
}

/** The open connections of a server, WebSockets included, of which the server itself loses sight. */
function connectionsOf(server: HttpServer): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  return open;
}

/** Says at most once in this time that connections are refused. */
const FULL_LINE_EVERY_MS = 10_000;

/** Refuses connections before the process may open no more files: those that are there need some. */
function boundConnections(server: HttpServer, log: Logger): void {
  const most = maxConnections();
  if (most === undefined) return;
  server.maxConnections = most;
  let saidAt = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    if (performance.now() - saidAt < FULL_LINE_EVERY_MS) return;
    saidAt = performance.now();
    log.warn(
      { connections: most },
      'connections are refused: raise the limit of open files (ulimit -n), or add a broker',
    );
  });
}

/** Lets requests and sockets finish, but not for ever: a frozen client would never close its own. */
async function closeServer(server: HttpServer, connections: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return;
  const timer = setTimeout(() => {
    for (const socket of connections) socket.destroy();
  }, DRAIN_LIMIT_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}
