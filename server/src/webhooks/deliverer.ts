import type { AuditRecord } from '@lastcall/shared';
import { refusedTurn, superseded, type Turn } from '../drain.js';
import type { Store } from '../redis/store.js';
import { type Claimed, type LiveNodes, type Purpose, Right } from '../right.js';
import { backoffMs } from './backoff.js';
import { type Endpoint, type Outcome, REQUEST_LIMIT_MS } from './endpoint.js';
import { eventOf, isSent } from './events.js';

const PURPOSE: Purpose = { name: 'hook', stepMs: REQUEST_LIMIT_MS };
const PAGE = 100;
/** How much of a tenant is done before others have their turn: messages, pages of the stream, and milliseconds. */
const TURN_MESSAGES = 100;
const TURN_PAGES = 50;
const TURN_MS = 5_000;

/** What is told while messages are delivered. */
export interface DeliveryReport {
  delivered(): void;
  failed(why: string): void;
  /** The endpoint wants nothing any more. */
  gone(): void;
  /** Records left the stream before they could be delivered. */
  lost(tenant: string, records: number): void;
}

export interface DelivererParts {
  readonly store: Store;
  readonly endpoint: Endpoint;
  readonly nodes: LiveNodes;
  readonly issuer: string | undefined;
  readonly report: DeliveryReport;
}

/** Delivers what tenants have on their streams, in order, each message until it is taken. */
export class Deliverer {
  readonly #parts: DelivererParts;
  #sinceAt = 0;
  #isStopped = false;

  constructor(parts: DelivererParts) {
    this.#parts = parts;
  }

  /** Records of before this instant (epoch ms) are nobody's to deliver. */
  beginAt(sinceAt: number): void {
    this.#sinceAt = sinceAt;
  }

  /** Lets turns end after the message they are at. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Delivers a tenant's messages until all are taken, one is not, or it is the others' turn.
   * @param early does not wait for the instant of the next attempt
   * @throws LastcallError `unavailable` when the store is out of reach; the position is what it was
   */
  async turn(tenant: string, early: boolean): Promise<Turn> {
    const { store, nodes } = this.#parts;
    const { claimed, right } = await Right.claim({ store, tenant, nodes, purpose: PURPOSE }, early);
    if (right) return await this.#deliver(tenant, right, claimed);
    return refusedTurn(claimed);
  }

  async #deliver(tenant: string, right: Right, claimed: Claimed): Promise<Turn> {
    const endsAt = performance.now() + TURN_MS;
    let sent = 0;
    for (let page = 0; page < TURN_PAGES; page += 1) {
      const records = await this.#parts.store.recordsAfter(tenant, right.position.rev, PAGE);
      this.#skipLost(tenant, right, claimed, records[0]);
      for (const record of records) {
        if (isSent(record) && record.at >= this.#sinceAt) {
          if (sent === TURN_MESSAGES || performance.now() > endsAt || this.#isStopped)
            return await end(right, true);
          const turn = await this.#attempt(tenant, right, record, sent === 0 ? claimed.failures : 0);
          if (turn) return turn;
          sent += 1;
        } else right.pass(record);
      }
      if (records.length < PAGE) return await end(right, false);
    }
    return await end(right, true);
  }

  /** Sends one message. Answers how the turn ends, if it does. */
  async #attempt(
    tenant: string,
    right: Right,
    record: AuditRecord,
    failures: number,
  ): Promise<Turn | undefined> {
    const { endpoint, issuer, report } = this.#parts;
    if (!(await right.lasts())) return superseded();
    const outcome = await endpoint.send(eventOf(tenant, record, issuer));
    if (outcome.kind === 'delivered') {
      right.pass(record);
      report.delivered();
      return (await right.keep()) ? undefined : superseded();
    }
    if (outcome.kind === 'stopped') return await end(right, true);
    const waitMs = this.#noteFailure(outcome, failures + 1);
    await right.postpone(failures + 1, waitMs, record.at);
    return {
      position: right.position,
      failures: failures + 1,
      waitingAt: record.at,
      waitMs,
      hasMore: false,
    };
  }

  #noteFailure(outcome: Exclude<Outcome, { kind: 'delivered' | 'stopped' }>, failures: number): number {
    const { report } = this.#parts;
    if (outcome.kind === 'failed') {
      report.failed(outcome.why);
      return backoffMs(failures, outcome.retryAfterMs);
    }
    report.gone();
    return backoffMs(failures);
  }

  /** What left the stream meanwhile cannot be delivered any more: said, and passed. */
  #skipLost(
    tenant: string,
    right: Right,
    { epoch, head, isNew }: Claimed,
    first: AuditRecord | undefined,
  ): void {
    const next = first?.rev ?? head + 1;
    const missing = next - right.position.rev - 1;
    if (missing <= 0) return;
    if (!isNew) this.#parts.report.lost(tenant, missing);
    right.pass({ epoch: first?.epoch ?? epoch, rev: next - 1 });
  }
}

async function end(right: Right, hasMore: boolean): Promise<Turn> {
  await right.giveBack();
  return { position: right.position, failures: 0, waitMs: 0, hasMore };
}
