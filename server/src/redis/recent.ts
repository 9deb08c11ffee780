import type { AuditRecord } from '@lastcall/shared';

/** So long, or so many of them, records are kept at least; twice of it at most. */
const KEPT_MS = 2_000;
const KEPT = 1_000;

/** The last records of a tenant, in two halves: the older one goes as a whole. */
export class Recent {
  #older: AuditRecord[] = [];
  #newer: AuditRecord[] = [];
  #turnedAt = performance.now();

  add(record: AuditRecord): void {
    this.turn(performance.now());
    this.#newer.push(record);
  }

  /** Forgets what is old; a tenant in which nothing happens any more keeps nothing. */
  turn(now: number): void {
    if (now - this.#turnedAt < KEPT_MS && this.#newer.length < KEPT) return;
    this.#older = this.#newer;
    this.#newer = [];
    this.#turnedAt = now;
  }

  /** Those behind a place, in order. */
  after(epoch: number, rev: number): readonly AuditRecord[] {
    const isBehind = (record: AuditRecord): boolean =>
      record.epoch > epoch || (record.epoch === epoch && record.rev > rev);
    // Mostly the last few: who asks has just read the place.
    const endOf = (records: readonly AuditRecord[]): readonly AuditRecord[] =>
      records.slice(records.findLastIndex((record) => !isBehind(record)) + 1);
    const newer = endOf(this.#newer);
    return newer.length < this.#newer.length ? newer : [...endOf(this.#older), ...newer];
  }
}
