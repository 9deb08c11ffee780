import { type Spread, spreadOf } from './stats.js';
import type { Cell, Context } from './suite.js';

export type Values = Readonly<Record<string, number>>;

/** A variant that is running and warm; while another one is measured it does nothing. */
export interface Contender {
  measure(): Promise<Values>;
  stop(): Promise<void>;
}

/**
 * Starts all variants, then measures them in turn, round after round, each round beginning with another one, so that
 * what changes on the machine meanwhile meets all of them.
 */
export async function inTurns<V extends { readonly name: string }>(
  context: Context,
  size: number,
  variants: readonly V[],
  start: (variant: V) => Promise<Contender>,
): Promise<Cell[]> {
  const { rounds } = context.form;
  const cells: Cell[] = [];
  const running: { name: string; contender: Contender }[] = [];
  try {
    for (const variant of variants) running.push({ name: variant.name, contender: await start(variant) });
    for (let round = 0; round < rounds; round += 1) {
      for (let turn = 0; turn < running.length; turn += 1) {
        const { name, contender } = running[(round + turn) % running.length] as (typeof running)[number];
        const cell = { variant: name, size, round, values: await contender.measure() };
        cells.push(cell);
        tell(context.progress, cell);
      }
    }
  } finally {
    await Promise.all(running.map(({ contender }) => contender.stop()));
  }
  return cells;
}

/** Plays each variant from its start to its end, one after the other, round after round. */
export async function oneByOne<V extends { readonly name: string }>(
  { form, progress }: Context,
  size: number,
  variants: readonly V[],
  play: (variant: V) => Promise<Values>,
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (let round = 0; round < form.rounds; round += 1) {
    for (const variant of variants) {
      const cell = { variant: variant.name, size, round, values: await play(variant) };
      cells.push(cell);
      tell(progress, cell);
    }
  }
  return cells;
}

function tell(progress: Context['progress'], { variant, size, round, values }: Cell): void {
  const shown = Object.entries(values).map(([key, value]) => `${key} ${Number(value.toPrecision(3))}`);
  progress(`  ${variant} ${size}, round ${round + 1}: ${shown.join(', ')}`);
}

/** The cells of one size, for tables that have a row per variant. */
export class Comparison {
  readonly #cells: readonly Cell[];
  readonly #base: string;

  constructor(cells: readonly Cell[], size: number, base: string) {
    this.#cells = cells.filter((cell) => cell.size === size);
    this.#base = base;
  }

  /** A figure of a variant over the rounds. */
  of(variant: string, value: string): Spread {
    return spreadOf(this.#find(variant).map((cell) => cell.values[value] ?? Number.NaN));
  }

  /** A figure of a variant as a multiple of that of the base in the same round. */
  ratio(variant: string, value: string): Spread {
    const bases = new Map(this.#find(this.#base).map((cell) => [cell.round, cell.values[value]]));
    return spreadOf(
      this.#find(variant).map(
        (cell) => (cell.values[value] ?? Number.NaN) / (bases.get(cell.round) ?? Number.NaN),
      ),
    );
  }

  /** That of the base as a multiple of the variant's. */
  inverse(variant: string, value: string): Spread {
    const { median, min, max } = this.ratio(variant, value);
    return { median: 1 / median, min: 1 / max, max: 1 / min };
  }

  #find(variant: string): Cell[] {
    return this.#cells.filter((cell) => cell.variant === variant);
  }
}
