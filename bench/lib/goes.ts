import { type Latency, latencyOf } from './stats.js';

/** What came of letting clients go again and again: times are in milliseconds. */
export interface Gone {
  readonly tookMs: number;
  /** How long the first step of each go took (acquire), and the whole of it (acquire and release). */
  readonly first: readonly number[];
  readonly whole: readonly number[];
}

/** Lets clients, side by side, do their steps one after the other, again and again for a time. */
export async function goFor(
  ms: number,
  clients: number,
  stepsOf: (client: number) => readonly (() => Promise<unknown>)[],
): Promise<Gone> {
  const first: number[] = [];
  const whole: number[] = [];
  const startedAt = performance.now();
  const loop = async (client: number): Promise<void> => {
    while (performance.now() < startedAt + ms) {
      const goAt = performance.now();
      let firstMs: number | undefined;
      for (const step of stepsOf(client)) {
        await step();
        firstMs ??= performance.now() - goAt;
      }
      first.push(firstMs ?? Number.NaN);
      whole.push(performance.now() - goAt);
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => loop(client)));
  return { tookMs: performance.now() - startedAt, first, whole };
}

/** Goes of several slices as one. */
export function summarize(slices: readonly Gone[]): { perSecond: number; first: Latency; whole: Latency } {
  const tookMs = slices.reduce((total, slice) => total + slice.tookMs, 0);
  const whole = slices.flatMap((slice) => slice.whole);
  return {
    perSecond: (whole.length * 1_000) / tookMs,
    first: latencyOf(slices.flatMap((slice) => slice.first)),
    whole: latencyOf(whole),
  };
}
