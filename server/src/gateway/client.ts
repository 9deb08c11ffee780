import { CLIENT_NAMESPACE, type ClientCall, LastcallError } from '@lastcall/shared';
import { authorize } from '../auth/index.js';
import { BEAT_SLOTS, BeatLoop } from '../beat.js';
import { refused } from '../refusals.js';
import { CLIENT_PAYLOADS, handshakeSchema, parse } from '../schema/index.js';
import type { Opened } from '../sessions.js';
import {
  type ClientNamespace,
  type ClientSocket,
  type Connection,
  Connections,
  newConnection,
} from './connection.js';
import { Deliver } from './deliver.js';
import { type EventContext, HANDLERS } from './events.js';
import { Farewell, leaving, partFrom } from './farewell.js';
import { guarded, toWire } from './guard.js';
import { addressOf, OnePerTransport, refuseHandshake, whenGone, withinLimits } from './handshake.js';
import type { GatewayParts } from './parts.js';
import { Watches } from './watches.js';

/** In which heartbeats are counted. */
const WINDOW_MS = 10_000;
/** A socket that keeps on sending what is refused is cut off. */
const MAX_REFUSALS = 500;

const isClientCall = (event: string): event is ClientCall => Object.hasOwn(HANDLERS, event);

/** The client channel: handshake, one dispatcher for all events, beats, delivery. */
export class ClientGateway {
  readonly #parts: GatewayParts;
  readonly #namespace: ClientNamespace;
  readonly #connections = new Connections();
  readonly #transports = new OnePerTransport();
  readonly #deliver: Deliver;
  readonly #watches: Watches;
  readonly #beats: BeatLoop;
  readonly #farewell = new Farewell();
  /** Tenants whose changed policy could not be read yet. */
  readonly #untuned = new Set<string>();
  #draining = false;

  constructor(parts: GatewayParts, everyTick: () => void) {
    this.#parts = parts;
    this.#namespace = parts.io.of(CLIENT_NAMESPACE) as ClientNamespace;
    this.#watches = new Watches(parts.core);
    this.#deliver = new Deliver({
      core: parts.core,
      watches: this.#watches,
      connections: this.#connections,
      ownsTransport: parts.ownsTransport,
    });
    this.#beats = new BeatLoop({
      ask: (tenant, slot, n) => {
        this.#namespace.to(roomOf(tenant, slot)).volatile.emit('beat', { n });
      },
      tick: () => {
        this.#deliver.flush();
        this.#watches.flush();
        for (const tenant of this.#untuned) void this.#retune(tenant);
        if (this.#draining) this.#farewell.turn();
        everyTick();
      },
      load: parts.load,
    });
    this.#namespace.use((socket, next) => {
      this.#admit(socket).then(
        () => next(),
        (error: unknown) => next(refuseHandshake(error, parts.core)),
      );
    });
    this.#namespace.on('connection', (socket) => this.#begin(socket));
    parts.core.bus.listen((tenant, record) => {
      if (record.type === 'policy.changed') void this.#retune(tenant);
      this.#deliver.record(tenant, record);
    });
  }

  start(): void {
    this.#beats.start();
  }

  /** Admits nobody any more. */
  drain(): void {
    this.#draining = true;
  }

  /** Closes every socket, spread over some time if there are other nodes; sessions stay and are resumed there. */
  async stop(): Promise<void> {
    this.#draining = true;
    const { core, ownsTransport, drainMs, resumesPerSecond } = this.#parts;
    const hasOthers = core.nodes.list().some(({ id }) => id !== core.nodes.id);
    if (hasOthers && ownsTransport && drainMs > 0) {
      const pace = { perSecond: resumesPerSecond, limitMs: drainMs };
      await this.#farewell.begin(this.#connections.all(), pace);
    }
    this.#beats.stop();
    if (!ownsTransport) this.#namespace.disconnectSockets();
    else for (const socket of this.#namespace.sockets.values()) partFrom(socket);
    await this.#deliver.settled();
  }

  async #admit(socket: ClientSocket): Promise<void> {
    const { core, verifier, limits, origins, trustProxy } = this.#parts;
    if (this.#draining) throw leaving();
    origins.check(socket.handshake.headers.origin, socket.handshake.headers.host);
    const address = addressOf(socket.handshake, trustProxy);
    this.#transports.take(socket);
    try {
      await withinLimits(limits, address, async () => {
        const { token, ...request } = parse(handshakeSchema, socket.handshake.auth);
        const kind = request.resume ? 'resume' : 'open';
        limits.expect(kind);
        const identity = await verifier.verify(token);
        authorize('client.connect', identity);
        limits.admit(kind);
        this.#attach(socket, await core.sessions.open(identity, { ...request, address }));
      });
    } catch (error) {
      this.#transports.free(socket);
      throw error;
    }
  }

  /** Ties a session to its socket, before Socket.IO calls it a connection. */
  #attach(socket: ClientSocket, opened: Opened): void {
    const { attachment, welcome } = opened;
    const slot = this.#beats.join(attachment.tenant, welcome);
    const connection = newConnection(socket, attachment, slot);
    socket.data.connection = connection;
    this.#deliver.prepare(connection, opened);
    // From here on what is recorded of the session finds it: nothing falls between its opening and its welcome.
    const older = this.#connections.add(connection);
    if (older) this.#deliver.supersede(older);
    whenGone(socket, () => this.#leave(connection));
  }

  #begin(socket: ClientSocket): void {
    const { connection } = socket.data;
    if (!connection || connection.closed) {
      socket.disconnect(this.#parts.ownsTransport);
      return;
    }
    const { attachment, slot } = connection;
    void socket.join(roomOf(attachment.tenant, slot));
    const { core, verifier } = this.#parts;
    const context = { core, verifier, watches: this.#watches, connection };
    socket.onAny((event: unknown, ...args: unknown[]) => this.#dispatch(context, String(event), args));
    this.#deliver.welcome(connection);
  }

  /** One way for every event: limit, parse, handle, answer. */
  #dispatch(context: EventContext, event: string, args: unknown[]): void {
    const { underWay } = context.connection;
    guarded(this.#parts.core.log, event, (payload) => {
      const call = this.#handle(context, event, payload);
      const over = (): void => void underWay.delete(call);
      underWay.add(call);
      call.then(over, over);
      return call;
    })(...args);
  }

  async #handle(context: EventContext, event: string, payload: unknown): Promise<object> {
    try {
      if (!isClientCall(event)) {
        throw new LastcallError('invalid', 'There is no such event. The protocol lists those there are.', {
          issues: [{ path: '', message: 'unknown event' }],
        });
      }
      await this.#limit(context.connection, event);
      return await this.#call(context, event, payload);
    } catch (error) {
      // After the answer, which a closed socket would not carry.
      setImmediate(() => this.#noteRefusal(context.connection, error));
      throw error;
    }
  }

  async #call(context: EventContext, event: ClientCall, payload: unknown): Promise<object> {
    const { attachment } = context.connection;
    if (attachment.ended) throw refused({ code: 'session_ended' });
    authorize(event, attachment.identity);
    const handle = HANDLERS[event] as (context: EventContext, payload: unknown) => Promise<object>;
    return await handle(context, parse<unknown>(CLIENT_PAYLOADS[event], payload));
  }

  async #limit(connection: Connection, event: ClientCall): Promise<void> {
    if (event !== 'heartbeat') {
      await this.#parts.limits.message(connection.socket.id);
      return;
    }
    const now = performance.now();
    if (now > connection.windowEndsAt) {
      connection.windowEndsAt = now + WINDOW_MS;
      connection.heartbeats = 0;
    }
    connection.heartbeats += 1;
    if (connection.heartbeats > this.#parts.heartbeatBurst) {
      const retryAfterMs = Math.ceil(connection.windowEndsAt - now);
      throw new LastcallError('rate_limited', 'Too many heartbeats. Answer the beats only.', {
        retryAfterMs,
      });
    }
  }

  /** A session found ended or moved on a heartbeat leaves its socket, whatever was missed; so does who floods. */
  #noteRefusal(connection: Connection, error: unknown): void {
    if (!(error instanceof LastcallError)) return;
    if (error.code === 'superseded') this.#deliver.supersede(connection);
    if (error.code === 'session_ended') void this.#deliver.ended(connection);
    if (error.code !== 'invalid' && error.code !== 'rate_limited') return;
    connection.refusals += 1;
    if (connection.refusals === MAX_REFUSALS) connection.socket.disconnect(this.#parts.ownsTransport);
  }

  #leave(connection: Connection): void {
    if (connection.closed) return;
    connection.closed = true;
    const { core, limits } = this.#parts;
    this.#transports.free(connection.socket);
    this.#beats.leave(connection.attachment.tenant);
    this.#connections.remove(connection);
    this.#watches.leave(connection);
    limits.forget(connection.socket.id).catch(() => undefined);
    this.#deliver.track(
      core.sessions.detach(connection.attachment).catch((error: unknown) => {
        // The lease runs out by itself; the registry only learns later that the socket is gone.
        core.log.debug({ err: toWire(error) }, 'a closed socket could not be noted');
      }),
    );
  }

  /** Takes on a changed policy. Leases follow it at once, so beats that do not would end everybody: it is tried again. */
  async #retune(tenant: string): Promise<void> {
    this.#untuned.delete(tenant);
    try {
      const policy = await this.#parts.core.policies.get(tenant);
      this.#beats.retune(tenant, policy);
      this.#deliver.policy(tenant, policy);
    } catch (error) {
      this.#parts.core.log.debug({ err: error }, 'a changed policy could not be read yet');
      this.#untuned.add(tenant);
    }
  }
}

/** Rooms are named by the broker alone; a tenant has no colon. */
function roomOf(tenant: string, slot: number): string {
  return `lastcall:${tenant}:${slot % BEAT_SLOTS}`;
}
