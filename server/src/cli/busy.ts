import { formatDuration } from './durations.js';
import type { Terminal } from './terminal.js';

const EVERY_MS = 1_000;
const CLEAR = '\r\u001b[K';

/**
 * Waits for something of which nobody knows how long it takes, and shows on a terminal that it goes on.
 *
 * @param words what goes on, such as `Reading the archive`
 */
export async function busily<T>(
  { stderr }: Terminal,
  words: () => string,
  work: () => Promise<T>,
): Promise<T> {
  if (stderr.isTTY !== true) return await work();
  const startedAt = performance.now();
  const show = (): void => {
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    stderr.write(`${CLEAR}${words()} … ${formatDuration(seconds * 1_000)}`);
  };
  const timer = setInterval(show, EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    stderr.write(CLEAR);
  }
}
