/** What a guard remembers of a record: the highest fence it was written with, and by whom. */
interface Written {
  readonly fence: number;
  readonly session: string;
}

/**
 * Records behind a guard, as an application keeps them: a write with a lower fence than the highest seen is refused. What
 * is written under a lock that was lost meanwhile arrives late, and must not get in after whoever has it now.
 */
export class GuardedRecords {
  readonly violations: string[] = [];
  refusals = 0;
  readonly #written = new Map<string, Written>();
  readonly #granted = new Map<string, number>();

  /** An exclusive lock of a record was granted. */
  granted(record: string, fence: number): void {
    this.#granted.set(record, fence);
  }

  write(record: string, fence: number, session: string): void {
    const last = this.#written.get(record) ?? { fence: 0, session };
    if (fence < last.fence) {
      this.refusals += 1;
      const isLatest = this.#granted.get(record) === fence;
      if (isLatest)
        this.violations.push(`I3 ${record}: its holder is refused with fence ${fence} after ${last.fence}`);
      return;
    }
    if (fence === last.fence && session !== last.session) {
      this.violations.push(`I3 ${record}: ${session} and ${last.session} write with fence ${fence}`);
    }
    this.#written.set(record, { fence, session });
  }
}
