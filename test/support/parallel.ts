type Run = () => Promise<void>;

/**
 * For a suite whose tests mostly wait: all begin together, after the hooks above, and each is reported by itself.
 * @example
 * const parallel = useParallel();
 * it('[S5] waits for a lease', parallel(async () => { … }));
 */
export function useParallel(): (run: Run) => Run {
  const begin: (() => void)[] = [];
  before('begin all tests', () => {
    for (const one of begin) one();
  });
  return (run) => {
    let outcome: Promise<void> | undefined;
    begin.push(() => {
      outcome = run();
      // Its test looks at it when its turn comes.
      outcome.catch(() => undefined);
    });
    return async () => await outcome;
  };
}
