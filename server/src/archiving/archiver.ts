import { type AuditRecord, LastcallError } from '@lastcall/shared';
import type { Keys } from '../archive/chain.js';
import { Folder } from '../archive/files.js';
import { type Place, Writer } from '../archive/writer.js';
import type { StoreClock } from '../clock.js';
import { refusedTurn, superseded, type Turn } from '../drain.js';
import type { Store } from '../redis/store.js';
import { type Claimed, type LiveNodes, type Purpose, Right } from '../right.js';
import { backoffMs } from '../webhooks/backoff.js';
import { leasedPlace, markOf, renewIfUnknown, revOf } from './place.js';
import type { Status } from './status.js';

const PURPOSE: Purpose = { name: 'archive', stepMs: 10_000 };
const PAGE = 200;
/** How much of a tenant is done before others have their turn: pages of the stream, and milliseconds. */
const TURN_PAGES = 50;
const TURN_MS = 5_000;
/** A disk that is full or away is tried again at least this often, in milliseconds. */
const LONGEST_WAIT_MS = 30_000;
/** How many steps of trimming follow a turn. */
const TRIM_STEPS = 20;

export interface ArchiverParts {
  readonly store: Store;
  readonly clock: StoreClock;
  readonly nodes: LiveNodes;
  readonly root: string;
  readonly keys: Keys;
  /** Webhooks are delivered from the same streams: what they wait for stays. */
  readonly hasWebhooks: boolean;
  readonly status: Status;
  /** How many records a tenant's policy keeps in Redis. */
  readonly retains: (tenant: string, records: number) => void;
}

/** Writes what tenants have on their streams to the archive: each record once, whatever happens to who writes. */
export class Archiver {
  readonly #parts: ArchiverParts;
  #isStopped = false;

  constructor(parts: ArchiverParts) {
    this.#parts = parts;
  }

  /** Lets turns end after the page they are at. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Archives a tenant's records until there are no more, the disk takes none, or it is the others' turn.
   * @param early does not wait for the instant of the next attempt
   * @throws LastcallError `unavailable` when the store is out of reach; what is on the disk is found there again
   */
  async turn(tenant: string, early: boolean): Promise<Turn> {
    const { store, clock, nodes, status, retains } = this.#parts;
    const { claimed, right } = await Right.claim({ store, tenant, nodes, purpose: PURPOSE }, early);
    retains(tenant, claimed.retention);
    if (!right) return refusedTurn(claimed);
    try {
      return await this.#archive(tenant, right, claimed);
    } catch (error) {
      if (error instanceof LastcallError) throw error;
      status.failed(tenant, reasonOf(error));
      const failures = claimed.failures + 1;
      const waitMs = Math.min(backoffMs(failures), LONGEST_WAIT_MS);
      await right.postpone(failures, waitMs, claimed.waitingAt ?? clock.now());
      return { position: right.position, failures, waitMs, hasMore: false };
    }
  }

  async #archive(tenant: string, right: Right, claimed: Claimed): Promise<Turn> {
    const { store, root, keys, status } = this.#parts;
    const noted = (place: Place): void => status.noted(tenant, place);
    const writer = await Writer.open(new Folder(root, tenant), keys, leasedPlace(claimed), noted);
    if (writer.fault !== undefined) status.damaged(tenant, writer.fault);
    const { place } = writer;
    if (place && (await renewIfUnknown(store, tenant, place))) {
      await right.giveBack();
      return { failures: 0, waitMs: 0, hasMore: true };
    }
    if (place) right.pass({ epoch: claimed.epoch, rev: revOf(place, claimed) }, markOf(place));
    const hasMore = await this.#readOn(tenant, right, claimed, writer);
    if (hasMore === undefined) return superseded();
    await right.giveBack();
    await this.#trim(tenant);
    return { position: right.position, failures: 0, waitMs: 0, hasMore };
  }

  /** Answers whether there is more; `undefined`: somebody else has the right. */
  async #readOn(
    tenant: string,
    right: Right,
    claimed: Claimed,
    writer: Writer,
  ): Promise<boolean | undefined> {
    const { store, status } = this.#parts;
    const endsAt = performance.now() + TURN_MS;
    for (let page = 0; page < TURN_PAGES; page += 1) {
      if (this.#isStopped || performance.now() > endsAt) return true;
      const records = await store.recordsAfter(tenant, right.position.rev, PAGE);
      const lost = skipLost(right, claimed, writer, records[0]);
      if (records.length > 0) {
        if (!(await right.lasts())) return undefined;
        await writer.append(records);
      }
      // Now it is passed for good: what the disk did not take is read anew, and more may be missing then.
      if (lost > 0) status.lost(tenant, lost);
      if (records.length === 0) return false;
      status.archived(records.length);
      const place = writer.place as Place;
      right.pass(place, markOf(place));
      if (records.length < PAGE) return false;
      if (!(await right.keep())) return undefined;
    }
    return true;
  }

  async #trim(tenant: string): Promise<void> {
    const { store, hasWebhooks } = this.#parts;
    for (let step = 0; step < TRIM_STEPS; step += 1) {
      const { trimmed } = await store.run<{ trimmed: number }>('log_trim', tenant, [hasWebhooks ? '1' : '0']);
      if (trimmed === 0) return;
    }
  }
}

/** What left the stream meanwhile cannot be archived any more: it is passed. Answers how many records. */
function skipLost(
  right: Right,
  { epoch, head, isNew }: Claimed,
  writer: Writer,
  first: AuditRecord | undefined,
): number {
  const next = first?.rev ?? head + 1;
  const missing = next - right.position.rev - 1;
  if (missing <= 0) return 0;
  right.pass({ epoch: first?.epoch ?? epoch, rev: next - 1 }, writer.place ? markOf(writer.place) : '');
  return !isNew || writer.place ? missing : 0;
}

/** Why the disk did not take it: the code of the system, never a path. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
