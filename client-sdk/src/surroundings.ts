import { Activity } from './activity.js';
import { Claim } from './claim.js';
import type { Connection } from './connection.js';
import { unavailable } from './errors.js';
import type { Heartbeat } from './heartbeat.js';
import type { Lease } from './lease.js';
import type { Environment } from './options.js';
import type { Orders } from './orders.js';
import { Presence } from './presence.js';
import type { SnapshotStore } from './snapshot.js';
import { Tabs } from './tabs.js';

/** The parts of a session that have to know what becomes of its page. */
export interface SurroundedParts {
  readonly connection: Connection;
  readonly lease: Lease;
  readonly heartbeat: Heartbeat;
  readonly orders: Orders;
  readonly store: SnapshotStore;
  readonly idleAfterMs: number;
  /** The state may be another one. */
  refresh(): void;
}

/** The page a session lives in: its person, its device, and the other pages beside it. */
export class Surroundings {
  readonly activity: Activity;
  readonly claim: Claim;
  readonly #parts: SurroundedParts;
  readonly #presence: Presence;
  readonly #tabs: Tabs;

  /** @param name the same in all pages that work with one broker */
  constructor({ clock, locks, channel, ...targets }: Environment, name: string, parts: SurroundedParts) {
    this.#parts = parts;
    this.claim = new Claim(locks, clock);
    this.#tabs = new Tabs(
      channel && (() => channel(name)),
      clock,
      () => this.#person,
      () => {
        this.activity.shared();
      },
    );
    this.activity = new Activity(clock, targets.page, {
      awaited: (idleMs) => idleMs >= parts.idleAfterMs || parts.orders.idleWarning,
      back: async () => {
        await parts.connection.call('activity', { idleMs: 0 });
        parts.refresh();
      },
      did: () => {
        this.look();
        this.#tabs.tell();
      },
    });
    this.#presence = new Presence(clock, targets, {
      woken: () => {
        this.#woken();
      },
      slept: () => {
        this.#woken();
        parts.heartbeat.renew();
      },
      away: (why) => {
        this.claim.release();
        parts.connection.restart(unavailable(why));
      },
    });
  }

  start(): void {
    this.#presence.start();
    this.#tabs.start();
    this.activity.start();
  }

  stop(): void {
    this.#presence.stop();
    this.#tabs.stop();
    this.activity.stop();
    this.claim.release();
  }

  /** Notices a sleep that no timer has noticed yet. */
  look(): void {
    this.#presence.look();
  }

  /** What is not true any more is said before anybody can draw it: locks, then the connection. */
  #woken(): void {
    const { store, lease, heartbeat, connection } = this.#parts;
    store.batch(() => {
      lease.look();
      heartbeat.look();
      connection.nudge();
    });
  }

  get #person(): string | undefined {
    const { session, user } = this.#parts.store.get();
    return session && user && JSON.stringify([session.tenant, user.id]);
  }
}
