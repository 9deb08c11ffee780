import type { AuditRecord } from '@lastcall/shared';
import { leaseKey, logKey } from 'lastcall/internal/redis/keys.js';
import type { Observer } from '../redis.js';
import { waitUntil } from '../wait.js';
import type { Lease } from './format.js';

/** The channels on which Redis tells of every change of a tenant's leases, if it is told to. */
export const leasesOf = (tenant: string): string => `__keyspace@0__:${leaseKey(tenant, '*')}`;

/** Whose lease a channel is about. */
export function ownerOf(channel: string): { readonly tenant: string; readonly session: string } {
  const [, tenant = '', session = ''] = /\{([^}]+)\}:lease:(.+)$/.exec(channel) ?? [];
  return { tenant, session };
}

/** Notes every lease of a tenant, and how many records there were before: from before its first one on. */
export class LeaseNotes {
  readonly #leases: Lease[] = [];
  readonly #heard: Pick<AuditRecord, 'epoch' | 'rev'>[] = [];
  readonly #redis: Observer;

  private constructor(redis: Observer) {
    this.#redis = redis;
  }

  /** `observer`: a connection of its own, which it closes. */
  static async begin(observer: Observer, tenant: string): Promise<LeaseNotes> {
    const notes = new LeaseNotes(observer);
    // Writings, deletions and what runs out, by key.
    await observer.configSet('notify-keyspace-events', 'K$gx');
    // One connection, so that both come in the order in which they were done.
    await observer.pSubscribe(leasesOf(tenant), (event, channel) => notes.#note(event, channel));
    await observer.sSubscribe(logKey(tenant), (text) => {
      notes.#heard.push(...(JSON.parse(text) as AuditRecord[]));
    });
    return notes;
  }

  /** Waits until it heard of all these records, and listens no more. @throws Error when it heard of others */
  async end(records: readonly AuditRecord[]): Promise<readonly Lease[]> {
    await waitUntil(() => this.#heard.length >= records.length, 'all records to be told of');
    this.close();
    for (const [i, { epoch, rev }] of records.entries()) {
      const heard = this.#heard[i];
      if (heard?.epoch !== epoch || heard.rev !== rev) {
        throw new Error(`${epoch}/${rev} is kept where ${heard?.epoch}/${heard?.rev} was told of`);
      }
    }
    return this.#leases;
  }

  close(): void {
    if (this.#redis.isOpen) this.#redis.destroy();
  }

  #note(event: string, channel: string): void {
    // Writing one also sets when it runs out.
    if (event !== 'set' && event !== 'del' && event !== 'expired') return;
    const { session } = ownerOf(channel);
    const until = event === 'set' ? Number.MAX_SAFE_INTEGER : 0;
    this.#leases.push({ kind: 'lease', session, at: Date.now(), until, after: this.#heard.length });
  }
}
