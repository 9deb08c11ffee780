import { untilCalm } from './machine.js';
import { type Spread, spreadOf } from './stats.js';
import type { Cell, Context } from './suite.js';

type Values = Readonly<Record<string, number>>;

/**
 * Measures variants in turn, round after round, each round beginning with another one, so that what changes on the
 * machine meanwhile meets all of them.
 */
export async function inTurns<V extends { readonly name: string }>(
  context: Context,
  size: number,
  variants: readonly V[],
  measure: (variant: V) => Promise<Values>,
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (let round = 0; round < context.form.rounds; round += 1) {
    for (let turn = 0; turn < variants.length; turn += 1) {
      const variant = variants[(round + turn) % variants.length] as V;
      await untilCalm(context.form.calmMs);
      const values = await measure(variant);
      cells.push({ variant: variant.name, size, round, values });
      const shown = Object.entries(values).map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`);
      context.progress(`  ${variant.name} ${size}, round ${round + 1}: ${shown.join(', ')}`);
    }
  }
  return cells;
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

  #find(variant: string): Cell[] {
    return this.#cells.filter((cell) => cell.variant === variant);
  }
}
