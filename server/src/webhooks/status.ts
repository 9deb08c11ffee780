import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { DeliveryReport } from './deliverer.js';

/** An endpoint that fails is told of in the log this often, in milliseconds. */
const LOG_EVERY_MS = 60_000;

/** How far all tenants together are behind. */
export interface Lag {
  /** Records that wait, those included that nobody is told of. */
  readonly records: number;
  /** Since the oldest message that waits was recorded, in milliseconds; 0: none does. */
  readonly ms: number;
}

/** What went well and what did not, for the log, the metrics and readiness. */
export class Status implements DeliveryReport {
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #recovered: () => void;
  #trouble: string | undefined;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #isGone = false;
  #lost = 0;
  #lag: Lag = { records: 0, ms: 0 };

  /** @param recovered called when the endpoint takes a message after it took none */
  constructor(log: Logger, metrics: Metrics, recovered: () => void) {
    this.#log = log;
    this.#metrics = metrics;
    this.#recovered = recovered;
  }

  /** The endpoint said that it wants nothing any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  delivered(): void {
    this.#metrics.webhook('delivered');
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#log.info('webhooks are taken again');
    this.#recovered();
  }

  failed(why: string): void {
    this.#metrics.webhook('failed');
    this.#trouble = why;
    if (performance.now() - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = performance.now();
    this.#log.warn({ why }, 'the webhook endpoint takes nothing; it is tried again until it does');
  }

  gone(): void {
    this.#metrics.webhook('failed');
    if (this.#isGone) return;
    this.#isGone = true;
    this.#log.error(
      'the webhook endpoint answered 410 Gone; nothing is sent to it until this process starts again',
    );
  }

  lost(tenant: string, records: number): void {
    this.#lost += records;
    this.#metrics.webhooksLost(records);
    this.#log.error({ tenant, records }, 'records left the stream before they could be sent as webhooks');
  }

  measured(lag: Lag): void {
    this.#lag = lag;
    // Another node may have delivered what was not taken from this one.
    if (lag.ms === 0) this.#trouble = undefined;
    this.#metrics.webhookLag(lag.records, lag.ms);
  }

  /** How it is, in words; sessions go on whatever it says. */
  detail(): string {
    const seconds = Math.ceil(this.#lag.ms / 1_000);
    const waits = this.#lag.ms > 0 ? `the oldest message has waited for ${seconds} s` : 'nothing waits';
    const state = this.#isGone
      ? 'the endpoint answered 410 Gone and is left alone; set LASTCALL_WEBHOOK_URL and start again'
      : this.#trouble === undefined
        ? `delivering; ${waits}`
        : `the endpoint takes nothing (${this.#trouble}); ${waits}`;
    const lost = `${this.#lost} records left the stream before they could be sent; keep more of them or repair the endpoint sooner`;
    return this.#lost === 0 ? state : `${state}; ${lost}`;
  }
}
