import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { processorWatch } from './machine.js';
import type { Form } from './suite.js';
import { usage } from './usage.js';

/** One look at a measurement that goes on. */
const SLICE_MS = 250;
/** How many times as long as needed is looked, for slices in which others leave the processors alone. */
const PATIENCE: Readonly<Record<Form['name'], number>> = { quick: 1, short: 3, full: 5 };
/** The share of all processors that others may take before a slice counts as disturbed. */
const OTHERS = 0.05;

export interface Undisturbed<S> {
  readonly slices: readonly S[];
  /** The share of all processors that others took, on average. */
  readonly others: number;
}

/**
 * Takes slices of a measurement until enough of them were undisturbed by whatever else the machine does, or patience is
 * at its end; answers those that were disturbed least.
 *
 * @param cpuUs processor time that all processes of the benchmark but this one have used
 */
export async function undisturbed<S>(
  form: Form,
  cpuUs: () => Promise<number>,
  take: (ms: number) => Promise<S>,
): Promise<Undisturbed<S>> {
  const wanted = Math.max(1, Math.round(form.measureMs / SLICE_MS));
  const taken: { slice: S; others: number }[] = [];
  let calm = 0;
  for (let turn = 0; turn < wanted * PATIENCE[form.name] && calm < wanted; turn += 1) {
    const watch = processorWatch();
    const before = (await cpuUs()) + usage().cpuUs;
    const startedAt = performance.now();
    const slice = await take(SLICE_MS);
    const own = (await cpuUs()) + usage().cpuUs - before;
    const ofAll = (performance.now() - startedAt) * 1_000 * availableParallelism();
    const others = Math.max(0, 1 - watch().idle - own / ofAll);
    taken.push({ slice, others });
    // Where the system does not tell, every slice is as good as another.
    if (!(others > OTHERS)) calm += 1;
  }
  const best = taken.toSorted((a, b) => a.others - b.others).slice(0, wanted);
  return {
    slices: best.map(({ slice }) => slice),
    others: best.reduce((all, { others }) => all + others, 0) / best.length,
  };
}

/** A slice of what goes on by itself: figures that only rise, by how much they rose. */
export async function rises<K extends string>(
  look: () => Promise<Readonly<Record<K, number>>>,
  ms: number,
): Promise<Readonly<Record<K, number>>> {
  const before = await look();
  await delay(ms);
  const after = await look();
  const rose = Object.entries<number>(after).map(([key, value]) => [key, value - before[key as K]]);
  return Object.fromEntries(rose) as Record<K, number>;
}

/** Slices as one. */
export function total<K extends string>(
  slices: readonly Readonly<Record<K, number>>[],
): Readonly<Record<K, number>> {
  const rose: Record<string, number> = {};
  for (const slice of slices) {
    for (const [key, value] of Object.entries<number>(slice)) rose[key] = (rose[key] ?? 0) + value;
  }
  return rose as Record<K, number>;
}
