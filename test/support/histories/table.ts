import type { ChildProcess } from 'node:child_process';

/** The application's own table: takes a write unless it has seen a higher fence of that row. */
export interface Table {
  write(row: string, fence: number): Promise<boolean>;
}

export class MemoryTable implements Table {
  readonly #seen = new Map<string, number>();

  write(row: string, fence: number): Promise<boolean> {
    const isTaken = fence >= (this.#seen.get(row) ?? 0);
    if (isTaken) this.#seen.set(row, fence);
    return Promise.resolve(isTaken);
  }
}

interface Ask {
  readonly write: number;
  readonly row: string;
  readonly fence: number;
}

interface Answer {
  readonly write: number;
  readonly isTaken: boolean;
}

/** Answers the writes of a process of people, which uses `RemoteTable`. */
export function serveTable(child: ChildProcess, table: Table): void {
  const answer = async ({ write, row, fence }: Ask): Promise<void> => {
    const isTaken = await table.write(row, fence);
    // Whoever is killed meanwhile hears nothing.
    if (child.connected) child.send({ write, isTaken } satisfies Answer, () => undefined);
  };
  child.on('message', (ask: Ask) => void answer(ask));
}

/** The table of the process that began this one. */
export class RemoteTable implements Table {
  readonly #waiting = new Map<number, (isTaken: boolean) => void>();
  #writes = 0;

  constructor() {
    process.on('message', ({ write, isTaken }: Answer) => {
      this.#waiting.get(write)?.(isTaken);
      this.#waiting.delete(write);
    });
  }

  write(row: string, fence: number): Promise<boolean> {
    this.#writes += 1;
    const ask: Ask = { write: this.#writes, row, fence };
    return new Promise((resolve) => {
      this.#waiting.set(ask.write, resolve);
      process.send?.(ask);
    });
  }
}
