import type { Actor, AuditRecord, AuditType, Page } from '@lastcall/shared';
import type { Store } from './redis/store.js';

/** How many records are looked at for one page, at most. */
const LOOK_LIMIT = 5_000;
const READ_PAGE = 500;

export interface AuditFilter {
  readonly session?: string;
  readonly user?: string;
  readonly type?: string;
  /** Instants, epoch milliseconds; both inclusive. */
  readonly from?: number;
  readonly to?: number;
}

/** Whether a record is one of those that are asked for. */
export function matches(record: AuditRecord, filter: AuditFilter): boolean {
  if (filter.session !== undefined && record.sessionId !== filter.session) return false;
  if (filter.user !== undefined && record.user?.id !== filter.user && record.by.id !== filter.user)
    return false;
  if (filter.type !== undefined && record.type !== filter.type) return false;
  if (filter.from !== undefined && record.at < filter.from) return false;
  return filter.to === undefined || record.at <= filter.to;
}

/** The trail of what happened in a tenant: read here, written by the scripts that change things. */
export class Audit {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** A page, newest first; `items` may be empty with a `next` when nothing of what was looked at matches. */
  async list(
    tenant: string,
    filter: AuditFilter,
    page: { limit: number; cursor?: string },
  ): Promise<Page<AuditRecord>> {
    const items: AuditRecord[] = [];
    let before = page.cursor === undefined ? undefined : Number(page.cursor);
    for (let looked = 0; looked < LOOK_LIMIT; looked += READ_PAGE) {
      const records = await this.#store.recordsBefore(tenant, before, READ_PAGE);
      for (const record of records) {
        before = record.rev;
        if (filter.from !== undefined && record.at < filter.from) return { items };
        if (matches(record, filter)) items.push(record);
        if (items.length === page.limit) return { items, next: String(before) };
      }
      if (records.length < READ_PAGE) return { items };
    }
    return { items, next: String(before) };
  }

  /** Records what changes no state: a refused access, a reading of the trail. */
  async note(
    tenant: string,
    type: Extract<AuditType, 'access.denied' | 'audit.read'>,
    by: Actor,
    fields: { reason?: string; sessionId?: string; details?: Record<string, unknown> },
  ): Promise<void> {
    await this.#store.run('audit_write', tenant, [type, JSON.stringify(by), JSON.stringify(fields)]);
  }
}
