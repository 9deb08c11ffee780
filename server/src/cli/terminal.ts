import type { EventEmitter } from 'node:events';
import { createInterface } from 'node:readline/promises';
import colors from 'picocolors';

type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };
export type Output = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** Where a command runs: in tests another one than the process. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Emits `SIGINT` and `SIGTERM`. */
  readonly signals: EventEmitter;
}

export const processTerminal: Terminal = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
};

/** Narrower terminals are written to as if they were this wide. */
const MIN_COLUMNS = 40;

/** How wide lines may be; without limit when nobody looks at them. */
export function columnsOf(output: Output): number {
  if (output.isTTY !== true) return Number.POSITIVE_INFINITY;
  return Math.max(MIN_COLUMNS, output.columns ?? 80);
}

export type Colors = ReturnType<typeof colors.createColors>;

/** Colours for a terminal; none for pipes and files, and none where they are not wanted (NO_COLOR, dumb terminals). */
export function colorsOf({ env }: Terminal, output: Output): Colors {
  const unwanted = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return colors.createColors(output.isTTY === true && !unwanted);
}

/** Whether somebody is there to be asked. */
export function isInteractive({ stdin, stderr }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

// What other people wrote must not move the cursor, change colours or turn the direction of the text.
const BREAKS = /[\n\r\t\u2028\u2029]+/g;
const UNSEEN = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A text from elsewhere as one harmless line. */
export function oneLine(text: string): string {
  return text.replace(BREAKS, ' ').replace(UNSEEN, '\ufffd');
}

/** Writes lines for people or pipes. */
export function print(output: Output, ...lines: readonly string[]): void {
  for (const line of lines) output.write(`${line}\n`);
}

/** Writes one value as JSON. */
export function printJson({ stdout }: Terminal, value: unknown): void {
  print(stdout, JSON.stringify(value, null, 2));
}

/** Asks a question that is answered with yes or no; anything but a yes, also ^C, is a no. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  const reader = createInterface({ input: terminal.stdin, output: terminal.stderr, terminal: true });
  const given = new AbortController();
  reader.once('SIGINT', () => given.abort());
  reader.once('close', () => given.abort());
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal: given.signal });
    return /^y(es)?$/i.test(answer.trim());
  } catch {
    print(terminal.stderr, '');
    return false;
  } finally {
    reader.close();
  }
}
