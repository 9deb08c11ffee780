import type { AuditRecord } from '@lastcall/shared';
import { encodeCommand } from 'lastcall/internal/redis/embedded/resp.js';
import { logKey } from 'lastcall/internal/redis/keys.js';
import { decodeRecord } from 'lastcall/internal/redis/store.js';
import type { Lease } from '../histories/format.js';
import { leasesOf, ownerOf } from '../histories/leases.js';
import { ReplyParser } from './reply.js';
import type { Engine } from './store.js';

/** What happened in a world, one line each, in the order in which it happened: the same for the same seed. */
export class Journal {
  readonly lines: string[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(who: string, what: string, about: unknown = {}): void {
    this.lines.push(JSON.stringify({ at: this.#now(), who, what, about }));
  }

  get text(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

/** The store's clock, and how long leases are. */
interface LeaseClock {
  now(): number;
  readonly leaseMs: number;
}

/** Hears of every record and every lease of the world's tenants in the moment in which it is written, also what is lost later. */
export class Observer {
  readonly records = new Map<string, AuditRecord[]>();
  readonly leases = new Map<string, Lease[]>();
  readonly #clock: LeaseClock;
  readonly #hear: (tenant: string, record: AuditRecord) => void;
  readonly #close: () => void;

  constructor(
    engine: Engine,
    tenants: readonly string[],
    clock: LeaseClock,
    hear: (tenant: string, record: AuditRecord) => void,
  ) {
    this.#clock = clock;
    this.#hear = hear;
    const parser = new ReplyParser();
    const byChannel = new Map(tenants.map((tenant) => [logKey(tenant), tenant]));
    const feed = engine.attach({
      bytes: (chunk) => {
        for (const reply of parser.push(chunk)) {
          if (!Array.isArray(reply)) continue;
          const tenant = byChannel.get(String(reply[1]));
          if (reply[0] === 'smessage' && tenant !== undefined) this.#noteRecords(tenant, String(reply[2]));
          if (reply[0] === 'pmessage' && reply[3] === 'set') this.#noteLease(String(reply[2]));
        }
      },
      reset: () => undefined,
    });
    // Both on one line, so that they come in the order in which they were written.
    engine.call('CONFIG', 'SET', 'notify-keyspace-events', 'K$');
    for (const tenant of tenants) {
      this.records.set(tenant, []);
      this.leases.set(tenant, []);
      feed.bytes(encodeCommand(['SSUBSCRIBE', logKey(tenant)]));
      feed.bytes(encodeCommand(['PSUBSCRIBE', leasesOf(tenant)]));
    }
    engine.step();
    this.#close = () => {
      feed.end();
      engine.step();
    };
  }

  close(): void {
    this.#close();
  }

  #noteRecords(tenant: string, text: string): void {
    for (const raw of JSON.parse(text) as Parameters<typeof decodeRecord>[0][]) {
      const record = decodeRecord(raw);
      this.records.get(tenant)?.push(record);
      this.#hear(tenant, record);
    }
  }

  #noteLease(channel: string): void {
    const { tenant, session } = ownerOf(channel);
    const at = Math.floor(this.#clock.now());
    const after = this.records.get(tenant)?.length ?? 0;
    this.leases.get(tenant)?.push({ kind: 'lease', session, at, until: at + this.#clock.leaseMs, after });
  }
}
