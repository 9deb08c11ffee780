import {
  ADMIN_NAMESPACE,
  type AdminPushes,
  type AuditRecord,
  DEFAULT_PAGE,
  type Identity,
  LastcallError,
} from '@lastcall/shared';
import type { DefaultEventsMap, Namespace, Socket } from 'socket.io';
import { authorize } from '../auth/index.js';
import { adminHandshakeSchema, parse } from '../schema/index.js';
import { Changes, type Room } from './changes.js';
import { leaving, partFrom } from './farewell.js';
import { addressOf, OnePerTransport, refuseHandshake, whenGone, withinLimits } from './handshake.js';
import type { GatewayParts } from './parts.js';
import { backlogOf } from './transport.js';

/** A page for which so much waits, in characters, is told of no more changes until it has caught up. */
const BEHIND = 512 << 10;

type AdminEvents = { [E in keyof AdminPushes]: (payload: AdminPushes[E]) => void };
type NoEvents = Record<string, never>;
interface AdminData {
  tenant?: string;
  /** It reads more slowly than things change: it gets a new snapshot when it has read what it was sent. */
  behind?: boolean;
}
type AdminSocket = Socket<NoEvents, AdminEvents, DefaultEventsMap, AdminData>;
export type AdminNamespace = Namespace<NoEvents, AdminEvents, DefaultEventsMap, AdminData>;

/** The administrators' channel: a snapshot, then what changes. Commands go over HTTP. */
export class AdminGateway {
  readonly #parts: GatewayParts;
  readonly #namespace: AdminNamespace;
  readonly #changes: Changes;
  readonly #transports = new OnePerTransport();
  #draining = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.#namespace = parts.io.of(ADMIN_NAMESPACE) as AdminNamespace;
    this.#changes = new Changes(parts.core, (tenant) => {
      // Socket.IO's own type of a room hides which payload belongs to which event.
      return this.#namespace.to(roomOf(tenant)) as unknown as Room;
    });
    this.#namespace.use((socket, next) => {
      this.#admit(socket).then(
        () => next(),
        (error: unknown) => next(refuseHandshake(error, parts.core)),
      );
    });
    this.#namespace.on('connection', (socket) => void this.#begin(socket));
    parts.core.bus.listen((tenant, record) => this.#record(tenant, record));
  }

  /** Sends what changed since the last turn of the loop. */
  flush(): void {
    for (const socket of this.#namespace.sockets.values()) this.#heed(socket);
    this.#changes.flush();
  }

  /** What changes while a page does not read becomes one snapshot, rather than a queue without end. */
  #heed(socket: AdminSocket): void {
    const { data, conn } = socket;
    const backlog = backlogOf(conn);
    if (data.tenant === undefined || (data.behind ? backlog > 0 : backlog <= BEHIND)) return;
    data.behind = !data.behind;
    if (data.behind) void socket.leave(roomOf(data.tenant));
    else void this.#begin(socket);
  }

  /** Admits nobody any more. */
  drain(): void {
    this.#draining = true;
  }

  stop(): void {
    this.#draining = true;
    if (!this.#parts.ownsTransport) this.#namespace.disconnectSockets();
    else for (const socket of this.#namespace.sockets.values()) partFrom(socket);
  }

  async #admit(socket: AdminSocket): Promise<void> {
    const { core, verifier, limits, origins, trustProxy } = this.#parts;
    if (this.#draining) throw leaving();
    origins.check(socket.handshake.headers.origin, socket.handshake.headers.host);
    const address = addressOf(socket.handshake, trustProxy);
    this.#transports.take(socket);
    try {
      await withinLimits(limits, address, async () => {
        const auth = parse(adminHandshakeSchema, socket.handshake.auth);
        const identity = await verifier.verify(auth.token);
        const tenant = auth.tenant ?? identity.tenant;
        await this.#authorize(identity, tenant, address);
        await core.patience.wait(core.bus.follow(tenant), () => core.bus.unfollow(tenant));
        this.#watch(socket, tenant, identity.expiresAt);
      });
    } catch (error) {
      this.#transports.free(socket);
      throw error;
    }
  }

  /** Lets a socket see what changes in a tenant, until it is gone. */
  #watch(socket: AdminSocket, tenant: string, expiresAt: number): void {
    const { core } = this.#parts;
    socket.data.tenant = tenant;
    this.#changes.join(tenant);
    this.#changes.endAt(socket, performance.now() + core.clock.left(expiresAt));
    whenGone(socket, () => {
      this.#transports.free(socket);
      core.bus.unfollow(tenant);
      this.#changes.leave(tenant);
    });
  }

  /** Refuses whoever administers nothing here, and records the attempt. */
  async #authorize(identity: Identity, tenant: string, address: string): Promise<void> {
    try {
      authorize('admin.connect', identity, tenant);
    } catch (error) {
      if (error instanceof LastcallError) {
        await this.#parts.core.denials.note(identity, 'admin.connect', tenant, error.message, address);
      }
      throw error;
    }
  }

  async #begin(socket: AdminSocket): Promise<void> {
    const { tenant } = socket.data;
    if (tenant === undefined) return;
    try {
      void socket.join(roomOf(tenant));
      socket.emit('snapshot', await this.#parts.core.patience.wait(this.#snapshot(tenant)));
    } catch (error) {
      this.#parts.core.log.warn({ err: error }, 'a snapshot could not be read; the page will ask again');
      socket.disconnect(this.#parts.ownsTransport);
    }
  }

  async #snapshot(tenant: string): Promise<AdminPushes['snapshot']> {
    const { sessions, orders, locks, policies, nodes, maintenance } = this.#parts.core;
    const page = { limit: DEFAULT_PAGE };
    const [first, total, recent, lockTotal, policy, window = null] = await Promise.all([
      sessions.list(tenant, {}, page),
      sessions.count(tenant),
      orders.list(tenant, {}, page),
      locks.count(tenant),
      policies.get(tenant),
      maintenance.find(tenant),
    ]);
    return {
      sessions: { items: first.items, total },
      orders: recent.items,
      maintenance: window,
      locks: { total: lockTotal },
      policy,
      nodes: nodes.list(),
    };
  }

  #record(tenant: string, record: AuditRecord): void {
    if (!this.#changes.isWatched(tenant)) return;
    this.#namespace.to(roomOf(tenant)).emit('audit:record', record);
    this.#changes.note(tenant, record);
  }
}

function roomOf(tenant: string): string {
  return `lastcall-admin:${tenant}`;
}
