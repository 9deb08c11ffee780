import { setImmediate as nextTurn } from 'node:timers/promises';

/** How many clients are told in one turn of the event loop; the others wait, so that nobody else has to. */
const SLICE = 200;

/** Does something with many, some of them in each turn of the event loop. */
export async function inSlices<T>(items: readonly T[], act: (slice: readonly T[]) => void): Promise<void> {
  for (let from = 0; from < items.length; from += SLICE) {
    if (from > 0) await nextTurn();
    act(items.slice(from, from + SLICE));
  }
}
