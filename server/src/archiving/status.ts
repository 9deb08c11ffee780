import type { Place } from '../archive/writer.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';

/** What goes on for long is told of in the log this often, in milliseconds. */
const LOG_EVERY_MS = 60_000;
/** An alarm is raised when so much of what Redis may keep is not archived yet. */
const ALARM_SHARE = 0.8;
/** So many tenants whose archive is damaged are remembered by name. */
const MAX_NAMED = 10;

/** How far all tenants together are behind. */
export interface Backlog {
  readonly records: number;
  /** The tenant that is nearest to what its policy keeps in Redis, and how near it is: 1 is all of it. */
  readonly tenant: string;
  readonly share: number;
}

/** What went well and what did not, for the log, the metrics and readiness. */
export class Status {
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #damaged = new Map<string, string>();
  #trouble: string | undefined;
  #lost = 0;
  #backlog: Backlog = { records: 0, tenant: '', share: 0 };
  readonly #loggedAt = new Map<string, number>();

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log;
    this.#metrics = metrics;
  }

  archived(records: number): void {
    this.#metrics.archived(records);
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#log.info('the audit archive takes records again');
  }

  failed(tenant: string, why: string): void {
    this.#metrics.archiveFailed();
    this.#trouble = why;
    if (!this.#isDue('failed')) return;
    this.#log.error(
      { tenant, why },
      'the audit archive takes nothing; it is tried again until it does, and records stay in Redis meanwhile',
    );
  }

  /** The archive does not end where it should. */
  damaged(tenant: string, why: string): void {
    if (this.#damaged.size < MAX_NAMED || this.#damaged.has(tenant)) this.#damaged.set(tenant, why);
    this.#log.error(
      { tenant, why },
      'the audit archive is not what was written; it goes on behind the gap: see "lastcall audit verify"',
    );
  }

  lost(tenant: string, records: number): void {
    this.#lost += records;
    this.#metrics.archiveLost(records);
    this.#log.error({ tenant, records }, 'records left the stream before they could be archived');
  }

  /** The chain's state, for whoever keeps logs elsewhere. */
  noted(tenant: string, { seq, hash, epoch, rev }: Place): void {
    this.#log.info({ tenant, seq, hash, epoch, rev }, 'audit checkpoint');
  }

  unreadable(tenant: string, file: string, line: number): void {
    this.#log.error({ tenant, file, line }, 'a line of the audit archive cannot be read and was left out');
  }

  measured(backlog: Backlog): void {
    this.#backlog = backlog;
    // Another node may have archived what this one could not.
    if (backlog.records === 0) this.#trouble = undefined;
    this.#metrics.archiveBacklog(backlog.records, backlog.share);
    if (backlog.share < ALARM_SHARE || !this.#isDue('alarm')) return;
    const { tenant, records } = backlog;
    this.#log.error(
      { tenant, records },
      'records wait to be archived, and Redis is to keep hardly more of them',
    );
  }

  /** How it is, in words; sessions go on whatever it says. */
  detail(): string {
    const { records, share } = this.#backlog;
    const waits = records > 0 ? `${records} records wait` : 'nothing waits';
    const parts = [
      this.#trouble === undefined
        ? `archiving; ${waits}`
        : `the archive takes nothing (${this.#trouble}); ${waits}`,
      ...(share >= ALARM_SHARE
        ? [
            `alarm: what waits is ${Math.floor(share * 100)} % of auditRetention; make the archive writable again`,
          ]
        : []),
      ...(this.#lost > 0 ? [`${this.#lost} records left the stream before they could be archived`] : []),
      ...[...this.#damaged].map(([tenant, why]) => `the archive of ${tenant} is damaged: ${why}`),
    ];
    return parts.join('; ');
  }

  #isDue(what: 'failed' | 'alarm'): boolean {
    const isDue = performance.now() - (this.#loggedAt.get(what) ?? Number.NEGATIVE_INFINITY) >= LOG_EVERY_MS;
    if (isDue) this.#loggedAt.set(what, performance.now());
    return isDue;
  }
}
