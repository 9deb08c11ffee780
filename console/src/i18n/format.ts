import type { Language } from './languages.js';
import { numberIn } from './text.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS = [
  ['day', DAY],
  ['hour', HOUR],
  ['minute', MINUTE],
  ['second', SECOND],
] as const;

/** How people write numbers, instants (epoch milliseconds) and durations (milliseconds) in a language. */
export interface Format {
  readonly number: (value: number) => string;
  /** "5 min": the two largest units, seconds rounded down. */
  readonly duration: (ms: number) => string;
  /** "12:05", for what is left. */
  readonly countdown: (ms: number) => string;
  /** "5 min ago" in short. */
  readonly ago: (ms: number) => string;
  readonly time: (at: number) => string;
  readonly dateTime: (at: number) => string;
  /** "90 %". */
  readonly percent: (share: number) => string;
}

const two = (value: number): string => String(value).padStart(2, '0');

function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / SECOND));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

function makeFormat(language: Language): Format {
  const unitsOf = (style: 'narrow' | 'short') =>
    UNITS.map(([unit, size]) => ({
      unit,
      size,
      write: new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: style }),
    }));
  const short = unitsOf('short');
  const ago = new Intl.RelativeTimeFormat(language, { numeric: 'auto', style: 'narrow' });
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'medium', hourCycle: 'h23' });
  const dateTime = new Intl.DateTimeFormat(language, {
    dateStyle: 'medium',
    timeStyle: 'short',
    hourCycle: 'h23',
  });
  const percent = new Intl.NumberFormat(language, { style: 'percent' });
  return {
    number: (value) => numberIn(language).format(value),
    countdown,
    time: (at) => time.format(at),
    dateTime: (at) => dateTime.format(at),
    percent: (share) => percent.format(share),
    duration(ms) {
      const whole = Math.max(0, Math.floor(ms / SECOND) * SECOND);
      const first = short.findIndex(({ size }) => whole >= size);
      if (first < 0) return short.at(-1)?.write.format(0) ?? '';
      let rest = whole;
      const parts: string[] = [];
      for (const { size, write } of short.slice(first, first + 2)) {
        const count = Math.floor(rest / size);
        rest -= count * size;
        if (count > 0) parts.push(write.format(count));
      }
      return parts.join(' ');
    },
    ago(ms) {
      const whole = Math.max(0, ms);
      // Seconds would only flicker.
      if (whole < 10 * SECOND) return ago.format(0, 'second');
      if (whole < MINUTE) return ago.format(-10 * Math.floor(whole / (10 * SECOND)), 'second');
      const [unit, size] = UNITS.find(([, length]) => whole >= length) ?? UNITS[3];
      return ago.format(-Math.floor(whole / size), unit);
    },
  };
}

const made = new Map<Language, Format>();

export function formatIn(language: Language): Format {
  const found = made.get(language) ?? makeFormat(language);
  made.set(language, found);
  return found;
}
