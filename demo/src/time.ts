const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A countdown as people read it: `0:42`, `12:05`. */
export function clockOf(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1_000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** How long something has been going on: `a moment`, `2 min`, `3 h`. */
export function spanOf(ms: number): string {
  if (ms < 10_000) return 'a moment';
  if (ms < MINUTE) return `${Math.round(ms / 1_000)} s`;
  return ms < HOUR ? `${Math.floor(ms / MINUTE)} min` : `${Math.floor(ms / HOUR)} h`;
}
