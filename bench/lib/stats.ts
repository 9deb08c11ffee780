/** The middle of some figures, with the smallest and the largest. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Percentiles of durations, in milliseconds. */
export interface Latency {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The value below which a share (0 to 1) of sorted values lies. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}

export function latencyOf(durations: readonly number[]): Latency {
  const sorted = Float64Array.from(durations).toSorted();
  return {
    count: sorted.length,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
  };
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values.filter((value) => Number.isFinite(value))).toSorted();
  const middle = sorted.length / 2;
  const median =
    sorted.length % 2 === 1
      ? percentile(sorted, 0.5)
      : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}
