import { type AuditRecord, LastcallError } from '@lastcall/shared';
import { type Refusal, refused } from '../refusals.js';
import { isUnavailable, type RedisDriver, StoreUnavailableError } from './driver.js';
import { Fences } from './fences.js';
import {
  archiveKey,
  epochKey,
  fenceKey,
  idempotencyKey,
  locksKey,
  logKey,
  maintenanceKey,
  orderKey,
  policyKey,
  receiptsKey,
  revKey,
  tenantsKey,
} from './keys.js';
import { type ScriptName, type ScriptObserver, type ScriptRunner, Scripts } from './scripts.js';

/** cjson writes an empty list as `{}`; this reads both. */
export function listOf<T>(value: readonly T[] | Record<string, never> | undefined): readonly T[] {
  return Array.isArray(value) ? value : [];
}

/** A hash as scripts answer with it: name, value, name, value … */
export function recordOf(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[flat[i] as string] = flat[i + 1] as string;
  return fields;
}

/** A record as a script wrote it: the fence stands in digits, which Lua does not round. */
export function decodeRecord(raw: Omit<AuditRecord, 'fence'> & { fence?: string }): AuditRecord {
  const { fence, ...record } = raw;
  return fence === undefined ? record : { ...record, fence: Number(fence) };
}

type Stored = Omit<AuditRecord, 'fence'> & { fence?: string };
type Entry = [id: string, fields: string[]];

function decodeEntries(entries: readonly Entry[]): AuditRecord[] {
  return entries.map(([, fields]) => decodeRecord(JSON.parse(fields[1] ?? '{}') as Stored));
}

/** A reply of Redis. @throws LastcallError `unavailable` when Redis is out of reach */
export async function reached<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    const message = 'The session store is out of reach. Try again in a moment.';
    const away = new LastcallError('unavailable', message, { retryAfterMs: 2_000 });
    away.cause = error;
    throw away;
  }
}

/** Whether what failed so may have been done all the same: only the answer is lost. */
export function mayHaveRun(error: unknown): boolean {
  const cause = error instanceof LastcallError ? error.cause : undefined;
  return cause instanceof StoreUnavailableError && cause.mayHaveRun;
}

const ONCE_KEEP_MS = 24 * 3_600_000;

export interface StoreOptions {
  readonly observe?: ScriptObserver;
  /** Makes what was written last: saves an engine that keeps its data in memory, waits for replicas. */
  readonly persist?: () => Promise<void>;
}

/** What the store needs of the connections to Redis. */
export type StoreDriver = ScriptRunner & Pick<RedisDriver, 'commands'>;

/** Redis as core sees it: verbs that write, and a few plain reads. */
export class Store {
  readonly #driver: StoreDriver;
  readonly #scripts: Scripts;
  readonly #persist: () => Promise<void>;
  /** What this node knows of each tenant's fences; scripts are told. */
  readonly fences = new Fences();

  constructor(driver: StoreDriver, options: StoreOptions = {}) {
    this.#driver = driver;
    this.#scripts = new Scripts(driver, this.fences, options.observe);
    this.#persist = options.persist ?? (() => Promise.resolve());
  }

  async load(): Promise<void> {
    await this.#scripts.loadAll();
  }

  /** For when no other version runs. */
  async tidy(): Promise<void> {
    await this.#scripts.unloadOthers();
  }

  /**
   * Runs a verb and reads its answer.
   * @throws LastcallError with the code the script refused with, or `unavailable` when Redis is out of reach
   */
  async run<T extends object>(
    name: ScriptName,
    tenant: string,
    args: readonly (string | number)[],
  ): Promise<T> {
    const text = await reached(this.#scripts.run(name, tenant, args));
    const value = JSON.parse(String(text)) as T | Refusal;
    if ('code' in value) throw refused(value);
    return value;
  }

  /** Resolves when what was written is as safe as the store can make it. Orders and settings are answered after that. */
  async persisted(): Promise<void> {
    await reached(this.#persist());
  }

  /** Runs the one verb that answers with numbers. */
  async beat(tenant: string, args: readonly (string | number)[]): Promise<readonly number[]> {
    return (await reached(this.#scripts.run('session_beat', tenant, args))) as number[];
  }

  /** Records after a rev, oldest first. */
  async recordsAfter(tenant: string, rev: number, count: number): Promise<AuditRecord[]> {
    const entries = this.#driver.commands.xrange(logKey(tenant), `(${rev}-0`, '+', 'COUNT', count);
    return decodeEntries(await reached(entries));
  }

  /** Records before a rev, newest first; `undefined` starts at the newest. */
  async recordsBefore(tenant: string, rev: number | undefined, count: number): Promise<AuditRecord[]> {
    const from = rev === undefined ? '+' : `(${rev}-0`;
    return decodeEntries(
      await reached(this.#driver.commands.xrevrange(logKey(tenant), from, '-', 'COUNT', count)),
    );
  }

  /** A tenant's last record (its last fence is noted besides), and the rev after which its epoch began (0 unless data was lost but not all of it). */
  async position(tenant: string): Promise<{ rev: number; epoch: number; after: number }> {
    const keys = [revKey(tenant), epochKey(tenant), fenceKey(tenant)];
    const [rev, began, fence] = await reached(this.#driver.commands.mget(keys));
    const [epoch = 0, after = 0] = (began ?? '').split('|').map(Number);
    this.fences.note(tenant, Number(fence ?? 0));
    return { rev: Number(rev ?? 0), epoch, after };
  }

  /** What is known of the last archived record; none: nothing was ever archived. */
  async archived(tenant: string): Promise<string | null> {
    return await reached(this.#driver.commands.hget(archiveKey(tenant), 'mark'));
  }

  async policy(tenant: string): Promise<Record<string, string>> {
    return await reached(this.#driver.commands.hgetall(policyKey(tenant)));
  }

  /** The maintenance window's fields; none: there is no window. */
  async maintenance(tenant: string): Promise<Record<string, string>> {
    return await reached(this.#driver.commands.hgetall(maintenanceKey(tenant)));
  }

  /** An order's fields; none: there is no such order. */
  async order(tenant: string, orderId: string): Promise<Record<string, string>> {
    return await reached(this.#driver.commands.hgetall(orderKey(tenant, orderId)));
  }

  /** The receipt of one session under an order, as JSON. */
  async receipt(tenant: string, orderId: string, sessionId: string): Promise<string | null> {
    return await reached(this.#driver.commands.hget(receiptsKey(tenant, orderId), sessionId));
  }

  async countLocks(tenant: string): Promise<number> {
    return await reached(this.#driver.commands.zcard(locksKey(tenant)));
  }

  async addTenant(tenant: string): Promise<void> {
    await reached(this.#driver.commands.sadd(tenantsKey(), tenant));
  }

  async tenants(): Promise<readonly string[]> {
    return await reached(this.#driver.commands.smembers(tenantsKey()));
  }

  /** Claims an idempotency key; answers what stands there already, if anything. */
  async claimOnce(tenant: string, key: string, claim: string): Promise<string | null> {
    return await reached(
      this.#driver.commands.set(idempotencyKey(tenant, key), claim, 'PX', ONCE_KEEP_MS, 'NX', 'GET'),
    );
  }

  async settleOnce(tenant: string, key: string, outcome: string): Promise<void> {
    await reached(this.#driver.commands.set(idempotencyKey(tenant, key), outcome, 'PX', ONCE_KEEP_MS));
  }

  async forgetOnce(tenant: string, key: string): Promise<void> {
    await reached(this.#driver.commands.del(idempotencyKey(tenant, key)));
  }
}
