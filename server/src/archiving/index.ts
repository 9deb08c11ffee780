import { type AuditRecord, type AuditVerdict, LastcallError, TENANT_PATTERN } from '@lastcall/shared';
import { Keys } from '../archive/chain.js';
import { Folder, tenantsIn } from '../archive/files.js';
import { archivedRecords } from '../archive/read.js';
import { verifyArchive } from '../archive/verify.js';
import { lastPlace } from '../archive/writer.js';
import { type AuditFilter, matches } from '../audit.js';
import type { StoreClock } from '../clock.js';
import { Drain } from '../drain.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import type { Store } from '../redis/store.js';
import type { LiveNodes, Position } from '../right.js';
import { Archiver } from './archiver.js';
import { linkOf, renewIfUnknown, revOf } from './place.js';
import { type Backlog, Status } from './status.js';

/** How many checks and exports this process does at once. */
const MAX_READS = 2;
const READ_PAGE = 500;
const RETRY_MS = 5_000;

/** The settings of the archive. */
export interface ArchiveSettings {
  readonly dir: string;
  /** One or more keys, separated by white space: the first signs, all of them prove. */
  readonly keys: string | undefined;
}

export interface ArchiveParts {
  readonly store: Store;
  readonly clock: StoreClock;
  readonly nodes: LiveNodes;
  readonly hasWebhooks: boolean;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly fail: (error: unknown) => void;
}

/** Keeps every record for good: one node at a time writes a tenant's stream to the disk, as a chain that can be checked. */
export class Archive {
  readonly #root: string;
  readonly #keys: Keys;
  readonly #store: Store;
  readonly #status: Status;
  readonly #archiver: Archiver;
  readonly #drain: Drain;
  readonly #retention = new Map<string, number>();
  #reads = 0;

  constructor(settings: ArchiveSettings, { log, metrics, fail, ...parts }: ArchiveParts) {
    this.#root = settings.dir;
    this.#keys = new Keys(settings.keys);
    this.#store = parts.store;
    this.#status = new Status(log, metrics);
    this.#archiver = new Archiver({
      ...parts,
      root: settings.dir,
      keys: this.#keys,
      status: this.#status,
      retains: (tenant, records) => this.#retention.set(tenant, records),
    });
    this.#drain = new Drain({ turn: (tenant, early) => this.#archiver.turn(tenant, early), fail });
  }

  /**
   * Compares what is archived with what Redis has, before anything new is recorded, and begins to archive.
   * @throws LastcallError `unavailable`
   */
  async start(): Promise<void> {
    for (const tenant of await this.#tenants()) await this.#compare(tenant);
    this.#drain.start();
  }

  /** A tenant was looked at: this is its last record. */
  look(tenant: string, head: Position): void {
    this.#drain.look(tenant, head);
  }

  /** Measures how far behind all tenants are. */
  measure(): void {
    let backlog: Backlog = { records: 0, tenant: '', share: 0 };
    for (const [tenant, { head, known }] of this.#drain.watched) {
      const retention = this.#retention.get(tenant);
      if (retention === undefined || known?.epoch !== head.epoch) continue;
      const waiting = Math.max(0, head.rev - known.rev);
      const share = waiting / retention;
      const records = backlog.records + waiting;
      backlog = share > backlog.share ? { records, tenant, share } : { ...backlog, records };
    }
    this.#status.measured(backlog);
  }

  /** How it is, in words. */
  detail(): string {
    this.measure();
    return this.#status.detail();
  }

  /** Lets what is under way end, and gives back what this node has. */
  async stop(): Promise<void> {
    this.#archiver.stop();
    await this.#drain.stop();
  }

  /**
   * Reads a tenant's whole archive and names the first link that is not as it should be.
   * @throws LastcallError `unavailable`, or `rate_limited` while others read
   */
  async verify(tenant: string, from?: number, signal?: AbortSignal): Promise<AuditVerdict> {
    const leave = this.#enter();
    try {
      const anchor = linkOf(await this.#store.archived(tenant));
      const folder = this.#folder(tenant);
      return await verifyArchive({ folder, keys: this.#keys, anchor, from, signal });
    } finally {
      leave();
    }
  }

  /**
   * The records that are asked for, oldest first: those of the archive, then what Redis has besides.
   * @throws LastcallError `unavailable`, or `rate_limited` while others read
   */
  async *records(tenant: string, filter: AuditFilter): AsyncGenerator<AuditRecord> {
    const leave = this.#enter();
    try {
      let last: Position | undefined;
      const unreadable = (file: string, line: number): void => this.#status.unreadable(tenant, file, line);
      for await (const record of archivedRecords(this.#folder(tenant), filter.from, unreadable)) {
        last = record;
        if (matches(record, filter)) yield record;
      }
      const { rev: head, ...now } = await this.#store.position(tenant);
      let rev = last === undefined ? 0 : revOf(last, now);
      while (rev < head) {
        const records = await this.#store.recordsAfter(tenant, rev, READ_PAGE);
        for (const record of records) if (record.rev <= head && matches(record, filter)) yield record;
        rev = records.at(-1)?.rev ?? head;
      }
    } finally {
      leave();
    }
  }

  /** Takes one of the places for readers of the disk. */
  #enter(): () => void {
    if (this.#reads >= MAX_READS) {
      const message = 'Others are reading the audit archive. Try again in a moment.';
      throw new LastcallError('rate_limited', message, { retryAfterMs: RETRY_MS });
    }
    this.#reads += 1;
    return () => {
      this.#reads -= 1;
    };
  }

  #folder(tenant: string): Folder {
    if (!TENANT_PATTERN.test(tenant)) throw new RangeError('not a tenant name');
    return new Folder(this.#root, tenant);
  }

  async #tenants(): Promise<readonly string[]> {
    try {
      return (await tenantsIn(this.#root)).filter((name) => TENANT_PATTERN.test(name));
    } catch (error) {
      this.#status.failed('', (error as NodeJS.ErrnoException).code ?? 'unknown');
      return [];
    }
  }

  /** Records that are archived and that Redis does not know: it came back with older data. */
  async #compare(tenant: string): Promise<void> {
    try {
      const place = await lastPlace(this.#folder(tenant), this.#keys);
      if (place) await renewIfUnknown(this.#store, tenant, place);
    } catch (error) {
      if (error instanceof LastcallError) throw error;
      this.#status.failed(tenant, (error as NodeJS.ErrnoException).code ?? 'unknown');
    }
  }
}
