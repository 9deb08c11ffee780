import type { AuditRecord } from '@lastcall/shared';
import type { StoreClock } from '../clock.js';
import { Drain } from '../drain.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import { REGISTRY } from '../redis/keys.js';
import type { Store } from '../redis/store.js';
import type { LiveNodes, Position } from '../right.js';
import { Deliverer } from './deliverer.js';
import { Endpoint } from './endpoint.js';
import { isSent } from './events.js';
import { keysOf } from './signature.js';
import { Status } from './status.js';

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

/**
 * Tells an application's back end what happened: at least once, and in order within a tenant, from the tenant's stream.
 */
export class Webhooks {
  readonly #store: Store;
  readonly #clock: StoreClock;
  readonly #endpoint: Endpoint;
  readonly #deliverer: Deliverer;
  readonly #status: Status;
  readonly #drain: Drain;

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
    this.#status = new Status(log, metrics, () => this.#drain.hurry());
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
    this.#drain = new Drain({
      turn: (tenant, early) => this.#deliverer.turn(tenant, early),
      fail,
      isOver: () => this.#status.isGone,
    });
  }

  /** Begins to deliver. @throws LastcallError `unavailable` */
  async start(): Promise<void> {
    const { sinceAt } = await this.#store.run<{ sinceAt: number }>('hook_begin', REGISTRY, []);
    this.#deliverer.beginAt(sinceAt);
    this.#drain.start();
  }

  /** A record of a tenant was heard. */
  hear(tenant: string, record: AuditRecord): void {
    this.#drain.hear(tenant, record, isSent(record));
  }

  /** A tenant was looked at: this is its last record. */
  look(tenant: string, head: Position): void {
    this.#drain.look(tenant, head);
  }

  /** Measures how far behind all tenants are. */
  measure(): void {
    let records = 0;
    let oldestAt = Number.POSITIVE_INFINITY;
    for (const { head, known, waitingAt } of this.#drain.watched.values()) {
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
    this.#deliverer.stop();
    const limit = setTimeout(() => this.#endpoint.stop(), STOP_LIMIT_MS);
    await this.#drain.stop();
    clearTimeout(limit);
    this.#endpoint.stop();
  }
}
