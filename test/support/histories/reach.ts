import type { AuditRecord } from '@lastcall/shared';
import type { History, Lease } from './format.js';
import type { Replay } from './replay.js';

/** Whoever is found silent within this time had no lease before, where leases are not known. */
const NOTICED_MS = 1_000;

/** When nobody swept, as the records say. */
export class Gaps {
  readonly #gaps: readonly { readonly from: number; readonly to: number }[];
  readonly #beatMs: number;

  constructor({ records, header }: History) {
    this.#beatMs = Number(header.settings['beatMs'] ?? 0);
    this.#gaps = records.flatMap(({ details }) => (details?.['gap'] as { from: number; to: number }) ?? []);
  }

  between(from: number, to: number): boolean {
    return this.#gaps.some((gap) => gap.from <= to && gap.to >= from);
  }

  /** So much longer a session stays whose lease ran out. */
  given(from: number, to: number): number {
    const gaps = this.#gaps.filter((gap) => gap.from <= to && gap.to >= from);
    return gaps.reduce((sum, gap) => sum + gap.to - gap.from + 2 * this.#beatMs, 0);
  }
}

/**
 * Who is in reach: connected, which the records tell, and with a lease that runs, which they do not. Where every lease was
 * noted it is known of everybody at any record; else it is inferred from who turned out to have been silent.
 */
export interface Reach {
  /** Goes on to the next record; answers whose lease begins anew since the last one. */
  advance(): readonly string[];
  /** Certainly in reach. */
  isIn(session: string, at: number): boolean;
  /** Certainly not. */
  isOut(session: string, at: number): boolean;
}

export const reachOf = (history: History, replay: Replay, gaps: Gaps): Reach =>
  history.leases ? new Known(history.leases, replay) : new Inferred(history, replay, gaps);

class Known implements Reach {
  readonly #leases: readonly Lease[];
  readonly #replay: Replay;
  readonly #ends = new Map<string, number>();
  #applied = 0;
  #records = 0;

  constructor(leases: readonly Lease[], replay: Replay) {
    this.#leases = leases;
    this.#replay = replay;
  }

  advance(): readonly string[] {
    const back: string[] = [];
    for (let lease = this.#leases[this.#applied]; lease; lease = this.#leases[this.#applied]) {
      if (lease.after > this.#records) break;
      this.#applied += 1;
      if (lease.at > (this.#ends.get(lease.session) ?? Number.POSITIVE_INFINITY)) back.push(lease.session);
      this.#ends.set(lease.session, lease.until);
    }
    this.#records += 1;
    return back;
  }

  isIn(session: string, at: number): boolean {
    return this.#replay.sessions.get(session) === 'reachable' && at <= (this.#ends.get(session) ?? 0);
  }

  isOut(session: string, at: number): boolean {
    return !this.isIn(session, at);
  }
}

class Inferred implements Reach {
  readonly #replay: Replay;
  readonly #gaps: Gaps;
  /** Records that show that a session had been away without a word. */
  readonly #noticed = new Map<string, AuditRecord[]>();

  constructor({ records }: History, replay: Replay, gaps: Gaps) {
    this.#replay = replay;
    this.#gaps = gaps;
    for (const record of records) {
      const { type, sessionId = '', details } = record;
      const isSilent = type === 'session.ended' && record.reason === 'unresponsive';
      // Who is back from a connection that was known to be gone was out of reach by the records already.
      const isBack = type === 'session.resumed' && details?.['from'] !== 'disconnected';
      if (!isSilent && !isBack) continue;
      const list = this.#noticed.get(sessionId);
      if (list) list.push(record);
      else this.#noticed.set(sessionId, [record]);
    }
  }

  advance(): readonly string[] {
    return [];
  }

  isIn(session: string, at: number): boolean {
    if (this.isOut(session)) return false;
    const later = (this.#noticed.get(session) ?? []).filter((record) => record.at >= at);
    return !later.some(
      (record) => record.at <= at + NOTICED_MS + this.#gaps.given(at - NOTICED_MS, record.at),
    );
  }

  isOut(session: string): boolean {
    return this.#replay.sessions.get(session) !== 'reachable';
  }
}
