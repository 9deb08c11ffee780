import { type LastcallError, type ServerPush, type ServerPushes, type Welcome } from '@lastcall/shared';
import type { Activity } from './activity.js';
import { Connection } from './connection.js';
import { endedByOrder, endedByUser, endedMeanwhile, endOf, lastSave } from './ended.js';
import { unavailable } from './errors.js';
import { Heartbeat } from './heartbeat.js';
import { Lease } from './lease.js';
import { type LockPushes, type LockSide, type LockSidePorts, NoLocks } from './lock-side.js';
import { Opening } from './opening.js';
import type { Settings } from './options.js';
import { Orders } from './orders.js';
import { Saving } from './saving.js';
import { type Ended, type LostReason, type Snapshot, SnapshotStore, stateOf } from './snapshot.js';
import { type Ticket, Tickets } from './storage.js';
import { Surroundings } from './surroundings.js';
import { Tokens } from './token.js';

/** Refusals of a ticket that somebody else who used this tab has left behind. */
const FOREIGN_TICKET: ReadonlySet<string> = new Set(['forbidden', 'unauthenticated', 'invalid', 'not_found']);

type PushTable = { readonly [E in ServerPush]: (payload: ServerPushes[E], acknowledge: () => void) => void };

/** The parts of the SDK put together, and the life of a session: connecting, online, reconnecting, ended. */
export class Session {
  readonly store: SnapshotStore;
  readonly connection: Connection;
  readonly lease: Lease;
  readonly activity: Activity;
  readonly saving: Saving;
  readonly heartbeat: Heartbeat;
  readonly orders: Orders;
  readonly #settings: Settings;
  readonly #tickets: Tickets;
  readonly #tokens: Tokens;
  readonly #surroundings: Surroundings;
  #locks: LockSide;
  #table: PushTable;
  #opening: Opening | undefined;
  /** The session is over: the last handlers run, or the person is being signed out. */
  #ending = false;

  constructor(settings: Settings) {
    const { logger, environment, saveLeadMs } = settings;
    const { clock } = environment;
    this.#settings = settings;
    const key = `lastcall:${settings.url}:${settings.about.app?.name ?? ''}`;
    this.#tickets = new Tickets(settings.storage, key);
    this.#tokens = new Tokens(settings.token, clock, logger);
    this.store = new SnapshotStore(logger);
    this.connection = this.#newConnection();
    this.lease = new Lease(clock, () => {
      this.#locks.leaseChanged();
    });
    this.#surroundings = new Surroundings(environment, key, this);
    this.activity = this.#surroundings.activity;
    this.saving = new Saving(clock, logger, (saving) => {
      this.#set({ saving });
      this.heartbeat.report();
    });
    this.heartbeat = this.#newHeartbeat();
    this.orders = new Orders(this.connection, clock, this.saving, saveLeadMs, (warnings) => {
      this.#set({ warnings });
    });
    this.#locks = new NoLocks(this.connection);
    this.#table = { ...this.#pushes, ...this.#locks.pushes };
  }

  /** Gives the session's locks to whoever knows about them. */
  attach<T extends LockSide>(make: (ports: LockSidePorts) => T): T {
    const { environment, callTimeoutMs: patienceMs } = this.#settings;
    const { connection, lease, saving, store } = this;
    const set = this.#set.bind(this);
    const locks = make({
      ...this.#settings,
      ...environment,
      connection,
      lease,
      saving,
      store,
      patienceMs,
      set,
    });
    this.#locks = locks;
    this.#table = { ...this.#pushes, ...locks.pushes };
    return locks;
  }

  connect(): Promise<Welcome> {
    const opening = this.#waited();
    if (!this.connection.running) {
      this.#ending = false;
      this.#set({ status: 'connecting', session: undefined, error: undefined, ended: undefined });
      this.#surroundings.start();
      this.connection.start();
    }
    return opening.welcome;
  }

  close(): void {
    if (this.#opening && !this.#ending)
      this.#stop({ status: 'closed' }, 'closed', unavailable('This client was closed.'));
  }

  /** The person signs out: what is unsaved is saved first, while there are locks to do it under. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    await lastSave(this.saving, this.#settings.environment.clock, 'asked');
    await this.signOut();
  }

  async signOut(): Promise<void> {
    if (this.#isOver) return;
    this.#ending = true;
    this.connection.last();
    if (this.connection.online) await this.connection.call('session:end', {}).catch(() => undefined);
    this.#finish(endedByUser(this.store.get().user));
  }

  readonly #pushes: Omit<PushTable, keyof LockPushes> = {
    welcome: () => undefined,
    superseded: () => undefined,
    beat: ({ n }) => {
      this.heartbeat.beat(n);
    },
    warning: (warning, acknowledge) => {
      acknowledge();
      this.orders.warn(warning);
    },
    'warning:cancelled': ({ orderId }) => {
      this.orders.cancel(orderId);
    },
    logoff: (logoff, acknowledge) => {
      void this.#logoff(endedByOrder(logoff), acknowledge);
    },
    policy: (policy) => {
      this.#set({ policy });
      this.heartbeat.expect(policy.beatMs, policy.leaseMs);
    },
    'auth:expiring': ({ expiresInMs }) => {
      void this.#tokens.refresh(this.connection, expiresInMs);
    },
  };

  #newConnection(): Connection {
    const { environment, about } = this.#settings;
    return new Connection(
      {
        ...this.#settings,
        ...environment,
        freshTokens: this.#tokens.fresh,
        auth: async () => {
          const token = await this.#tokens.get();
          const resume = await this.#ticket();
          return { token, ...about, ...(resume && { resume }) };
        },
      },
      {
        welcome: (welcome, dialledAt) => {
          this.store.batch(() => {
            this.#welcome(welcome, dialledAt);
          });
        },
        push: (event, payload, acknowledge) => {
          this.store.batch(() => {
            this.lease.look();
            this.#table[event](payload, acknowledge);
          });
        },
        down: (error) => {
          this.heartbeat.stop();
          this.#locks.down();
          this.#opening?.delayed(error);
          this.#set({ status: this.store.get().session ? 'reconnecting' : 'connecting', error });
        },
        refused: (error) => this.#refused(error),
      },
    );
  }

  /** What resumes the session, unless it lives in another page. */
  async #ticket(): Promise<Ticket | undefined> {
    const ticket = this.#tickets.get();
    if (ticket && !(await this.#surroundings.claim.take(ticket.sessionId))) this.#tickets.leave();
    return this.#tickets.get();
  }

  #newHeartbeat(): Heartbeat {
    return new Heartbeat(this.connection, this.#settings.environment.clock, {
      idleMs: () => this.activity.idleMs,
      dirty: () => this.saving.dirty,
      answered: (sentAt, leaseMs) => {
        this.lease.renew(sentAt, leaseMs);
        this.connection.prove();
        this.store.batch(() => {
          this.#locks.leaseRenewed();
          this.#set({ error: undefined });
        });
      },
      failed: (error) => {
        if (this.connection.online && this.store.get().error?.code !== error.code) this.#set({ error });
      },
    });
  }

  #welcome(welcome: Welcome, dialledAt: number): void {
    const { sessionId, resumeKey, resumed, tenant, user, policy } = welcome;
    this.#tickets.keep({ sessionId, key: resumeKey });
    void this.#surroundings.claim.take(sessionId);
    this.lease.renew(dialledAt, welcome.leaseMs);
    this.#set({
      status: 'online',
      session: { id: sessionId, tenant, resumed },
      user,
      policy,
      error: undefined,
    });
    this.orders.reset(welcome.orders);
    this.#locks.welcome(welcome);
    this.heartbeat.start(welcome.beatMs, welcome.leaseMs);
    this.activity.catchUp();
    this.#waited().succeed(welcome);
  }

  /** The broker does not want this client back; true: one more attempt, without the ticket. */
  #refused(error: LastcallError): boolean {
    if (this.#ending) return false;
    if (this.#tickets.foreign && FOREIGN_TICKET.has(error.code)) {
      this.#tickets.drop();
      return true;
    }
    if (error.code === 'session_ended') void this.#logoff(endedMeanwhile(error));
    else
      this.#stop({ status: 'closed', error }, error.code === 'superseded' ? 'superseded' : 'closed', error);
    return false;
  }

  /** The session is over, and the locks with it; the work gets a last chance. */
  async #logoff(ended: Ended, acknowledge?: () => void): Promise<void> {
    if (!this.#ending) {
      this.#ending = true;
      this.connection.last();
      this.#locks.end('session_ended', endOf(ended));
      const { flushMs } = this.store.get().policy ?? { flushMs: 0 };
      await lastSave(this.saving, this.#settings.environment.clock, 'logoff', flushMs);
      acknowledge?.();
      this.#finish(ended);
    } else acknowledge?.();
  }

  #finish(ended: Ended): void {
    this.#tickets.drop();
    this.#stop({ status: 'ended', ended }, 'session_ended', endOf(ended));
  }

  #stop(changes: Partial<Snapshot>, reason: LostReason, error: LastcallError): void {
    const opening = this.#opening;
    this.#opening = undefined;
    this.store.batch(() => {
      this.connection.stop(error);
      this.#locks.down();
      this.heartbeat.stop();
      this.#surroundings.stop();
      this.#locks.end(reason, error);
      this.orders.clear();
      this.lease.end();
      this.#set({ error: undefined, ...changes });
    });
    opening?.fail(error);
  }

  /** The answer that is waited for; a new one when the last came too late. */
  #waited(): Opening {
    if (!this.#opening || this.#opening.expired) {
      this.#opening = new Opening(this.#settings.environment.clock, this.#settings.connectTimeoutMs);
    }
    return this.#opening;
  }

  get #isOver(): boolean {
    return this.#ending || this.store.get().status === 'ended';
  }

  get idleAfterMs(): number {
    return this.store.get().policy?.idleAfterMs ?? Number.POSITIVE_INFINITY;
  }

  refresh(): void {
    this.#set({});
  }

  #set(changes: Partial<Snapshot>): void {
    const next = { ...this.store.get(), ...changes };
    const state = stateOf(next, this.activity.idleMs >= this.idleAfterMs);
    this.store.set({ ...changes, state });
  }
}
