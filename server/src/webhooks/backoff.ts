const FIRST_MS = 500;
const LONGEST_MS = 300_000;

/**
 * How long to wait after so many failures in a row, in milliseconds: twice as long each time, up to 5 minutes, by chance
 * up to half of it less, so that tenants do not come all at once. An endpoint may ask for more, within the 5 minutes.
 *
 * @param chance from 0 to 1
 */
export function backoffMs(failures: number, askedMs = 0, chance: number = Math.random()): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 30));
  const own = longest * (1 - chance / 2);
  return Math.round(Math.max(own, Math.min(askedMs, LONGEST_MS)));
}
