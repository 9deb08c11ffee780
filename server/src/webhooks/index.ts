import type { AuditRecord } from '@lastcall/shared';
import type { StoreClock } from '../clock.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import { REGISTRY } from '../redis/keys.js';
import type { Store } from '../redis/store.js';
import { Deliverer, type Turn } from './deliverer.js';
import { Endpoint } from './endpoint.js';
import { isSent } from './events.js';
import type { LiveNodes, Position } from './right.js';
import { keysOf } from './signature.js';
import { Status } from './status.js';

export type { Position } from './right.js';

/** How many tenants have their turn at once. */
const MAX_TURNS = 8;
/** How often a tenant is looked at of which nobody here hears, in milliseconds. */
const LOOK_EVERY_MS = 1_000;
/** How long a stop waits for requests that are under way. */
const STOP_LIMIT_MS = 3_000;

/** The settings of webhooks. */
export interface WebhookSettings {
  readonly url: string;
  /** One or two secrets, `whsec_…`, separated by white space. */
  readonly secrets: string;
  /** Whose users they are, as tokens say it. */
  readonly issuer: string | undefined;
}

interface Watched {
  /** The tenant's last record, as heard. */
  head: Position;
  /** Up to where its messages were delivered, as this node knows. */
  known: Position | undefined;
  /** On the monotonic clock: when it was looked at, and before when no turn makes sense. */
  lookedAt: number;
  dueAt: number;
  failures: number;
  waitingAt: number | undefined;
  /** A record was heard that somebody is to be told of. */
  isWanted: boolean;
  /** The endpoint is back: the next attempt need not wait. */
  isEarly: boolean;
  isBusy: boolean;
}

/**
 * Tells an application's back end what happened: at least once, and in order within a tenant, from the tenant's stream.
 * It has no timer of its own: it is called by whoever hears a record and by the sweep, which looks at every tenant.
 */
export class Webhooks {
  readonly #store: Store;
  readonly #clock: StoreClock;
  readonly #fail: (error: unknown) => void;
  readonly #endpoint: Endpoint;
  readonly #deliverer: Deliverer;
  readonly #status: Status;
  readonly #watched = new Map<string, Watched>();
  readonly #queue = new Set<string>();
  readonly #turns = new Set<Promise<void>>();
  #isStopped = true;

  constructor(
    settings: WebhookSettings,
    parts: {
      store: Store;
      clock: StoreClock;
      nodes: LiveNodes;
      version: string;
      log: Logger;
      metrics: Metrics;
      fail: (error: unknown) => void;
    },
  ) {
    const { store, clock, nodes, version, log, metrics, fail } = parts;
    this.#store = store;
    this.#clock = clock;
    this.#fail = fail;
    this.#status = new Status(log, metrics, () => this.#hurry());
    this.#endpoint = new Endpoint({
      url: settings.url,
      keys: keysOf(settings.secrets),
      agent: `lastcall/${version}`,
      now: () => clock.now(),
    });
    const { issuer } = settings;
    this.#deliverer = new Deliverer({
      store,
      endpoint: this.#endpoint,
      nodes,
      issuer,
      report: this.#status,
    });
  }

  /** Begins to deliver. @throws LastcallError `unavailable` */
  async start(): Promise<void> {
    const { sinceAt } = await this.#store.run<{ sinceAt: number }>('hook_begin', REGISTRY, []);
    this.#deliverer.beginAt(sinceAt);
    this.#isStopped = false;
  }

  /** A record of a tenant was heard. */
  hear(tenant: string, record: AuditRecord): void {
    const watched = this.#watch(tenant, record);
    if (!isSent(record)) return;
    watched.isWanted = true;
    this.#consider(tenant, watched);
  }

  /** A tenant was looked at: this is its last record. */
  look(tenant: string, head: Position): void {
    this.#consider(tenant, this.#watch(tenant, head));
  }

  /** Measures how far behind all tenants are. */
  measure(): void {
    let records = 0;
    let oldestAt = Number.POSITIVE_INFINITY;
    for (const { head, known, waitingAt } of this.#watched.values()) {
      if (known?.epoch === head.epoch) records += Math.max(0, head.rev - known.rev);
      oldestAt = Math.min(oldestAt, waitingAt ?? Number.POSITIVE_INFINITY);
    }
    this.#status.measured({
      records,
      ms: Number.isFinite(oldestAt) ? Math.max(0, this.#clock.now() - oldestAt) : 0,
    });
  }

  /** How it is, in words. */
  detail(): string {
    this.measure();
    return this.#status.detail();
  }

  /** Lets requests that are under way end, for a moment, and gives back what this node has. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#queue.clear();
    this.#deliverer.stop();
    const limit = setTimeout(() => this.#endpoint.stop(), STOP_LIMIT_MS);
    await Promise.allSettled(this.#turns);
    clearTimeout(limit);
    this.#endpoint.stop();
  }

  #watch(tenant: string, { epoch, rev }: Position): Watched {
    const head = { epoch, rev };
    const known = this.#watched.get(tenant);
    if (known) {
      // News of the sweep and of the bus cross; an older rev of the same epoch is no news.
      if (epoch > known.head.epoch || (epoch === known.head.epoch && rev > known.head.rev)) known.head = head;
      return known;
    }
    const watched: Watched = {
      head,
      known: undefined,
      lookedAt: Number.NEGATIVE_INFINITY,
      dueAt: 0,
      failures: 0,
      waitingAt: undefined,
      isWanted: false,
      // Whoever starts may have repaired what the attempts before failed by.
      isEarly: true,
      isBusy: false,
    };
    this.#watched.set(tenant, watched);
    return watched;
  }

  #consider(tenant: string, watched: Watched): void {
    if (this.#isStopped || this.#status.isGone || watched.isBusy || !isDue(watched, performance.now()))
      return;
    this.#queue.add(tenant);
    this.#next();
  }

  #next(): void {
    for (const tenant of this.#queue) {
      if (this.#turns.size >= MAX_TURNS) return;
      this.#queue.delete(tenant);
      const turn = this.#take(tenant, this.#watched.get(tenant) as Watched).finally(() => {
        this.#turns.delete(turn);
        this.#next();
      });
      this.#turns.add(turn);
    }
  }

  async #take(tenant: string, watched: Watched): Promise<void> {
    const early = watched.isEarly;
    Object.assign(watched, { isBusy: true, isWanted: false, isEarly: false, lookedAt: performance.now() });
    try {
      this.#settle(watched, await this.#deliverer.turn(tenant, early));
    } catch (error) {
      watched.dueAt = performance.now() + LOOK_EVERY_MS;
      this.#fail(error);
    }
    watched.isBusy = false;
    this.#consider(tenant, watched);
  }

  #settle(watched: Watched, turn: Turn): void {
    if (turn.position) watched.known = turn.position;
    watched.failures = turn.failures;
    watched.waitingAt = turn.waitingAt;
    watched.dueAt = performance.now() + turn.waitMs;
    if (turn.hasMore) watched.isWanted = true;
  }

  /** The endpoint takes messages again: those of other tenants need not wait for their next attempts. */
  #hurry(): void {
    for (const watched of this.#watched.values()) {
      if (watched.failures > 0) Object.assign(watched, { isEarly: true, dueAt: 0 });
    }
  }
}

/** Whether a turn makes sense: at once for what was heard, else once a second. */
function isDue({ head, known, lookedAt, dueAt, isWanted, isEarly }: Watched, now: number): boolean {
  const isBehind = known === undefined || known.epoch !== head.epoch || known.rev < head.rev;
  return isBehind && now >= dueAt && (isWanted || isEarly || now >= lookedAt + LOOK_EVERY_MS);
}
