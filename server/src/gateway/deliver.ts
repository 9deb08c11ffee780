import { type AuditRecord, type EndReason, type LogoffPush, type Policy } from '@lastcall/shared';
import type { Core } from '../core.js';
import { publicPolicy } from '../policy.js';
import type { Opened } from '../sessions.js';
import type { StoredWarning } from '../warning.js';
import type { AskedOf } from '../welcome.js';
import { type Audience, type Connection, type Connections, concerned, isNews } from './connection.js';
import { noteHeld, questionIn, requestOf, tellDenied, tellLock } from './lock-news.js';
import { LostLocks } from './lost-locks.js';
import { inSlices } from './slices.js';
import { Warnings } from './warnings.js';
import type { Watches } from './watches.js';

/** A client whose session was found ended without its record is given this long to run its last handlers. */
const DEFAULT_FLUSH_MS = 5_000;

/** Pushes kept for a client that is about to be welcomed, which takes milliseconds. */
const EARLY_LIMIT = 1_000;

type Details = Readonly<Record<string, unknown>>;

const namesIn = (details: Details, field: string): readonly string[] =>
  Array.isArray(details[field]) ? (details[field] as string[]) : [];

/** Turns records into pushes to the clients whose sockets are here, and reports what became of them. */
export class Deliver {
  readonly #core: Core;
  readonly #connections: Connections;
  readonly #watches: Watches;
  readonly #ownsTransport: boolean;
  readonly #welcomes = new WeakMap<Connection, Pick<Opened, 'welcome' | 'asked'>>();
  readonly #warnings: Warnings;
  readonly #lostLocks: LostLocks;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(parts: { core: Core; connections: Connections; watches: Watches; ownsTransport: boolean }) {
    this.#core = parts.core;
    this.#connections = parts.connections;
    this.#watches = parts.watches;
    this.#ownsTransport = parts.ownsTransport;
    this.#warnings = new Warnings(parts.core);
    this.#lostLocks = new LostLocks(parts.core, parts.watches, (connection, push) =>
      this.#push(connection, push),
    );
  }

  /** Keeps the welcome until the socket may be written to. */
  prepare(connection: Connection, { welcome, asked }: Pick<Opened, 'welcome' | 'asked'>): void {
    this.#welcomes.set(connection, { welcome, asked });
    for (const { resource, fence } of welcome.locks) connection.locks.set(resource, fence);
    this.#watches.begin(connection, welcome.waiting);
  }

  /** The first thing a client gets; then whatever was to be pushed meanwhile. */
  welcome(connection: Connection): void {
    const { welcome, asked } = this.#welcomes.get(connection) ?? {};
    if (!welcome) return;
    this.#welcomes.delete(connection);
    connection.socket.emit('welcome', welcome);
    for (const warning of welcome.orders) this.#warnings.warn([connection], warning);
    for (const question of asked ?? []) this.#ask(connection, question);
    const { early = [] } = connection;
    connection.early = undefined;
    for (const push of early) push();
  }

  /** The session goes on over another socket. */
  supersede(connection: Connection): void {
    this.#push(connection, () => {
      connection.socket.emit('superseded', {});
      connection.socket.disconnect(this.#ownsTransport);
    });
  }

  /** A session that was found ended without its record having been heard. */
  async ended(connection: Connection): Promise<void> {
    if (connection.attachment.ended) return;
    const { tenant, sessionId } = connection.attachment;
    try {
      const { ended } = await this.#core.sessions.get(tenant, sessionId);
      if (!ended) return;
      const { endedAt: _endedAt, message = '', ...end } = ended;
      await this.#logoff(connection, { ...end, message }, DEFAULT_FLUSH_MS);
    } catch {
      connection.socket.disconnect(this.#ownsTransport);
    }
  }

  policy(tenant: string, policy: Policy): void {
    for (const connection of this.#connections.all()) {
      const { attachment, socket } = connection;
      if (attachment.tenant !== tenant) continue;
      attachment.idleAfterMs = policy.idleAfterMs;
      this.#push(connection, () => socket.emit('policy', publicPolicy(policy)));
    }
  }

  /** What a record means for the clients here, or for some of them. */
  record(tenant: string, record: AuditRecord, clients: Audience = this.#connections): void {
    if (record.type === 'order.changed') {
      this.#orderChanged(tenant, record, clients);
      return;
    }
    const question = questionIn(record);
    for (const sessionId of question?.holders ?? []) {
      const holder = concerned(clients, tenant, sessionId, record);
      if (question && holder)
        this.#push(holder, () => this.#afterAnswers(holder, () => this.#ask(holder, question.asked)));
    }
    if (record.details?.['lost'] !== undefined) this.#lostLocks.doubt(tenant, record.at, clients.all());
    const connection = record.sessionId && concerned(clients, tenant, record.sessionId, record);
    if (connection && record.resource) noteHeld(connection, record, (push) => this.#push(connection, push));
    this.#watches.note(tenant, record, connection || undefined);
    if (connection) this.#push(connection, () => this.#tell(connection, record, record.details ?? {}));
  }

  #tell(connection: Connection, record: AuditRecord, details: Details): void {
    switch (record.type) {
      case 'order.extended':
        this.#warnings.tell([connection], details['warning'] as StoredWarning);
        return;
      case 'session.resumed':
        if (connection.attachment.attach < Number(details['attach'])) this.supersede(connection);
        return;
      case 'session.state':
        this.#stateChanged(connection, details);
        return;
      case 'session.ended':
        this.#sessionEnded(connection, record, details);
        return;
      case 'lock.granted':
      case 'lock.requested':
      case 'lock.taken_over':
      case 'lock.broken':
        this.#afterAnswers(connection, () => {
          if (details['state'] !== 'denied') tellLock(connection, record);
          else this.track(tellDenied(connection, record, this.#core.locks));
        });
        return;
      default:
    }
  }

  /** Pushes now, or right after the welcome. */
  #push(connection: Connection, push: () => void): void {
    if (!connection.early) push();
    else if (connection.early.length < EARLY_LIMIT) connection.early.push(push);
  }

  /** Notes what became of pushes since the last tick. */
  flush(): void {
    for (const work of this.#warnings.flush()) this.track(work);
    for (const work of this.#lostLocks.flush()) this.track(work);
  }

  /** The lock that is asked for or gone may be in an answer that is on its way: nobody loses what they never got. */
  #afterAnswers({ asking }: Connection, tell: () => void): void {
    if (asking.size === 0) tell();
    else void Promise.allSettled(asking).then(tell);
  }

  #ask({ socket }: Connection, asked: AskedOf): void {
    socket.emit('lock:requested', requestOf(asked, this.#core.clock));
  }

  /** Remembers work that a stop has to wait for. */
  track(work: Promise<unknown>): void {
    this.#underWay.add(work);
    const over = (): void => void this.#underWay.delete(work);
    work.then(over, over);
  }

  /** Pushes to all of them at once; to those who are not welcomed yet, right after that. */
  #pushAll(all: readonly Connection[], push: (connections: readonly Connection[]) => void): void {
    push(all.filter(({ early }) => !early));
    for (const one of all) if (one.early) this.#push(one, () => push([one]));
  }

  /** Resolves when what was under way is done. */
  async settled(): Promise<void> {
    this.flush();
    await Promise.allSettled(this.#underWay);
  }

  #orderChanged(tenant: string, record: AuditRecord, clients: Audience): void {
    const { details = {} } = record;
    const stored = details as unknown as StoredWarning;
    const under = namesIn(details, 'targeted').flatMap(
      (sessionId) => concerned(clients, tenant, sessionId, record) ?? [],
    );
    this.#pushAll(under, (connections) => this.#warnings.tell(connections, stored));
    if (typeof details['reminded'] === 'number') this.track(this.#remind(tenant, record, stored, clients));
    for (const sessionId of namesIn(details, 'released')) {
      const connection = concerned(clients, tenant, sessionId, record);
      if (connection) this.#push(connection, () => this.#warnings.cancel(connection, record.orderId ?? ''));
    }
  }

  /** A mark before the deadline: everybody here who is under the order is told what is left to them. */
  async #remind(
    tenant: string,
    record: AuditRecord,
    stored: StoredWarning,
    clients: Audience,
  ): Promise<void> {
    const isUnder = ({ attachment, closed }: Connection): boolean =>
      attachment.tenant === tenant && attachment.endsAt.has(stored.orderId) && !attachment.ended && !closed;
    const all = [...clients.all()].filter((connection) => isNews(connection, record));
    await inSlices(all.filter(isUnder), (slice) => {
      this.#pushAll(slice, (connections) => this.#warnings.tell(connections.filter(isUnder), stored));
    });
  }

  #stateChanged({ attachment, socket }: Connection, details: Details): void {
    if (details['idle'] === true) attachment.idle = true;
    if (typeof details['tokenExpiresAt'] !== 'number' || details['refreshed'] === true) return;
    socket.emit('auth:expiring', { expiresInMs: this.#core.clock.left(details['tokenExpiresAt']) });
  }

  #sessionEnded(connection: Connection, record: AuditRecord, details: Details): void {
    const { reentryMs, message, flushMs } = details;
    const push: LogoffPush = {
      ...(record.orderId ? { orderId: record.orderId } : {}),
      reason: record.reason as EndReason,
      message: typeof message === 'string' ? message : '',
      by: record.by,
      ...(typeof reentryMs === 'number' ? { reentryMs } : {}),
    };
    this.track(this.#logoff(connection, push, typeof flushMs === 'number' ? flushMs : DEFAULT_FLUSH_MS));
  }

  /** Tells the client, waits for its last handlers, closes its socket, and reports both. */
  async #logoff(connection: Connection, push: LogoffPush, flushMs: number): Promise<void> {
    const { attachment, socket } = connection;
    if (attachment.ended) return;
    attachment.ended = true;
    let answered = false;
    try {
      // Who is gone will not answer any more.
      const gone = new Promise<never>((_resolve, reject) => void socket.once('disconnect', reject));
      await Promise.race([socket.timeout(Math.max(1, flushMs)).emitWithAck('logoff', push), gone]);
      answered = true;
    } catch {
      // Silent: it is cut off, and its receipt says so.
    }
    // Who signs out, or says that the work is saved, gets the answer first.
    await Promise.allSettled(connection.underWay);
    socket.disconnect(this.#ownsTransport);
    this.#core.metrics.logoff(push.reason, answered);
    await this.#core.sessions.report(attachment, answered).catch((error: unknown) => {
      this.#core.log.error({ err: error }, 'a closed socket could not be reported; the sweep decides');
    });
  }
}
