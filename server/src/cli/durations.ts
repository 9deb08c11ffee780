/** Milliseconds of each unit that people may write. */
const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
type Unit = keyof typeof UNITS;

const PART = /(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)/g;
const WHOLE = /^(?:\d{1,12}(?:\.\d{1,6})?(?:ms|s|m|h|d))+$/;

/** Milliseconds of `30s`, `5m`, `1h30m` or a bare number of milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (!WHOLE.test(text)) return undefined;
  const parts = [...text.matchAll(PART)].map(([, count, unit]) => Number(count) * UNITS[unit as Unit]);
  return Math.round(parts.reduce((sum, part) => sum + part, 0));
}

/** A duration for people, by its two largest units: `45s`, `2m 5s`, `1h 30m`, `3d 4h`. Negative ones count as none. */
export function formatDuration(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${Math.round(ms)}ms`;
  let rest = Math.max(0, Math.floor(ms / 1_000)) * 1_000;
  const parts: string[] = [];
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const count = Math.floor(rest / UNITS[unit]);
    rest -= count * UNITS[unit];
    if (count > 0) parts.push(`${count}${unit}`);
    // The second unit stands directly below the first, so that "1d 5s" is just "1d".
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0s';
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** An instant in local time, to the second. */
export function formatInstant(at: number): string {
  const date = new Date(at);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** How long ago an instant was, by this machine's clock. */
export function formatAgo(at: number, now: number): string {
  return formatDuration(now - at);
}
