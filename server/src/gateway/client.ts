import { CLIENT_NAMESPACE, type ClientCall, LastcallError } from '@lastcall/shared';
import { allows, authorize } from '../auth/index.js';
import { BEAT_SLOTS, BeatLoop } from '../beat.js';
import { refused } from '../refusals.js';
import { CLIENT_PAYLOADS, handshakeSchema, parse } from '../schema/index.js';
import type { Opened } from '../sessions.js';
import {
  type ClientNamespace,
  type ClientSocket,
  type Connection,
  Connections,
  countHeartbeat,
  newConnection,
  noteAsking,
  onlyOne,
} from './connection.js';
import { Deliver } from './deliver.js';
import { beat, type EventContext, HANDLERS } from './events.js';
import { Farewell, leaving, partFrom } from './farewell.js';
import { forgetHandshake, type HeartbeatAnswer, takeHeartbeats } from './fast-path.js';
import { Message, noteFault, toWire } from './guard.js';
import { addressOf, OnePerTransport, refuseHandshake, whenGone, withinLimits } from './handshake.js';
import type { GatewayParts } from './parts.js';
import { Watches } from './watches.js';

/** A socket that keeps on sending what is refused is cut off. */
const MAX_REFUSALS = 500;

/** Calls that may be answered with a lock. */
const ASKING: ReadonlySet<string> = new Set<ClientCall>([
  'lock:acquire',
  'lock:acquireMany',
  'lock:upgrade',
  'lock:takeover',
]);

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
        const opening = core.sessions.open(identity, { ...request, address });
        this.#attach(socket, await core.patience.wait(opening, (late) => this.#giveUp(late)));
      });
    } catch (error) {
      this.#transports.free(socket);
      throw error;
    }
  }

  /** A session that was opened for somebody who was refused meanwhile has no socket: it may be resumed. */
  #giveUp({ attachment }: Opened): void {
    this.#parts.core.sessions.detach(attachment).catch(() => undefined);
  }

  /**
   * Ties a session to its socket, before Socket.IO calls it a connection.
   * @throws LastcallError `unavailable`
   */
  #attach(socket: ClientSocket, opened: Opened): void {
    const { attachment, welcome } = opened;
    const { tenant, epoch, rev } = attachment;
    // Records that were heard before the answer which the session is known by.
    const early = this.#parts.core.bus.since(tenant, epoch, rev);
    if (!early) {
      this.#giveUp(opened);
      throw new LastcallError('unavailable', 'Too much happened while the session was opened. Try again.', {
        retryAfterMs: 1_000,
      });
    }
    const slot = this.#beats.join(tenant, welcome);
    const connection = newConnection(socket, attachment, slot);
    socket.data.connection = connection;
    this.#deliver.prepare(connection, opened);
    // From here on what is recorded of the session finds it: nothing falls between its opening and its welcome.
    const older = this.#connections.add(connection);
    if (older) this.#deliver.supersede(older);
    for (const record of early) this.#deliver.record(tenant, record, onlyOne(connection));
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
    if (this.#parts.ownsTransport) {
      forgetHandshake(socket);
      takeHeartbeats(socket, (idleMs, answer) => this.#takeHeartbeat(context, idleMs, answer));
    }
    this.#deliver.welcome(connection);
  }

  /** One way for every event: limit, parse, handle, answer. */
  #dispatch(context: EventContext, event: string, args: readonly unknown[]): void {
    const { connection } = context;
    const message = new Message(this.#parts.core.log, event, args);
    const answer = (value: object): void => message.answer(value);
    const refuse = (error: unknown): void => {
      message.refuse(error);
      this.#noteRefusal(connection, error);
    };
    const call = this.#handle(context, event, message.payload);
    // A heartbeat is one command, which has a limit; and nobody who is logged off misses its answer.
    if (event === 'heartbeat') {
      void call.then(answer, refuse);
      return;
    }
    const answered = this.#parts.core.patience.wait(call).then(answer, refuse);
    const { underWay, asking } = connection;
    const over = (): void => {
      underWay.delete(answered);
      asking.delete(answered);
    };
    underWay.add(answered);
    if (ASKING.has(event)) noteAsking(connection, message.payload, answered);
    answered.then(over, over);
  }

  /** Begins one that was taken before Socket.IO, without promises; whatever is refused goes the ordinary way. */
  #takeHeartbeat(context: EventContext, idleMs: number, answer: HeartbeatAnswer): boolean {
    const { connection } = context;
    const { ended, identity } = connection.attachment;
    if (ended || connection.closed || !allows('heartbeat', identity.user.roles)) return false;
    const now = performance.now();
    if (countHeartbeat(connection, this.#parts.heartbeatBurst, now) > 0) return false;
    beat(context, { idleMs }, now, {
      done: ({ leaseMs }) => answer.renewed(leaseMs),
      failed: (error) => {
        noteFault(this.#parts.core.log, 'heartbeat', error);
        answer.refused(toWire(error));
        this.#noteRefusal(connection, error);
      },
    });
    return true;
  }

  async #handle(context: EventContext, event: string, payload: unknown): Promise<object> {
    const { connection } = context;
    if (!isClientCall(event)) {
      throw new LastcallError('invalid', 'There is no such event. The protocol lists those there are.', {
        issues: [{ path: '', message: 'unknown event' }],
      });
    }
    if (event === 'heartbeat') {
      const retryAfterMs = countHeartbeat(connection, this.#parts.heartbeatBurst, performance.now());
      const message = 'Too many heartbeats. Answer the beats only.';
      if (retryAfterMs > 0) throw new LastcallError('rate_limited', message, { retryAfterMs });
    } else {
      await this.#parts.limits.message(connection.socket.id);
    }
    const { ended, identity } = connection.attachment;
    if (ended) throw refused({ code: 'session_ended' });
    authorize(event, identity);
    const handle = HANDLERS[event] as (context: EventContext, payload: unknown) => Promise<object>;
    return await handle(context, parse<unknown>(CLIENT_PAYLOADS[event], payload));
  }

  /** A session found ended or moved on a heartbeat leaves its socket, whatever was missed; so does who floods. */
  #noteRefusal(connection: Connection, error: unknown): void {
    if (!(error instanceof LastcallError)) return;
    const { code } = error;
    // After the answer, which a closed socket would not carry.
    setImmediate(() => {
      if (code === 'superseded') this.#deliver.supersede(connection);
      if (code === 'session_ended') void this.#deliver.ended(connection);
      if (code !== 'invalid' && code !== 'rate_limited') return;
      connection.refusals += 1;
      if (connection.refusals === MAX_REFUSALS) connection.socket.disconnect(this.#parts.ownsTransport);
    });
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
