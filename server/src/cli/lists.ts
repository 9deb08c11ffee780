import { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { EXIT, type ExitCode, type Option } from './command.js';
import { formatDuration, formatInstant, parseDuration } from './durations.js';
import { interruptOf, look } from './follow.js';
import { usageError } from './options.js';
import { colorsOf, type Output, print, printJson, type Terminal } from './terminal.js';

const MIN_EVERY_MS = 500;
const MAX_EVERY_MS = 3_600_000;
const EVERY_MS = 2_000;
/** Of a terminal that does not tell its height. */
const ROWS = 24;

/** To the upper left corner; away with the rest of the line, and of the screen. */
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const CLEAR = '\u001b[2J';

function everyOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < MIN_EVERY_MS || ms > MAX_EVERY_MS)
    throw usageError(`--watch must be a duration of 500ms to 1h, not "${text}"`);
  return ms;
}

export const WATCH_OPTION: Option = {
  flags: '--watch [duration]',
  help: 'Show it again and again, until ^C. Default: every 2s.',
  parse: everyOption,
};

export interface ListOptions {
  readonly json?: true;
  /** `true`: as often as usual. */
  readonly watch?: number | true;
}

/** What a command lists. */
export interface List<T> {
  readonly read: (signal?: AbortSignal) => Promise<T>;
  /** Shows it to a person. */
  readonly show: (terminal: Terminal, seen: T) => void;
}

function collect(like: Output): { readonly output: Output; readonly text: () => string } {
  const pieces: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(piece: string, _encoding, done) {
      pieces.push(piece);
      done();
    },
  });
  const { isTTY = false, columns } = like;
  const size = columns === undefined ? {} : { columns };
  return { output: Object.assign(stream, { isTTY, ...size }), text: () => pieces.join('') };
}

/** What a person would see, line by line; what goes to standard error comes below. */
function linesOf<T>(terminal: Terminal, { show }: List<T>, seen: T): readonly string[] {
  const [out, err] = [collect(terminal.stdout), collect(terminal.stderr)];
  show({ ...terminal, stdout: out.output, stderr: err.output }, seen);
  return `${out.text()}${err.text()}`.trimEnd().split('\n');
}

/** One picture in place of the one before, no higher than the terminal. */
function paint(terminal: Terminal, lines: readonly string[], status: string): void {
  const { stdout } = terminal;
  const room = Math.max(2, (stdout.rows ?? ROWS) - 2);
  const rest = lines.length - room;
  const seen = rest > 0 ? [...lines.slice(0, room - 1), `… ${rest + 1} more lines`] : lines;
  const all = [colorsOf(terminal, stdout).dim(status), ...seen];
  stdout.write(`${HOME}${all.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`);
}

/** Shows a list until it is told to stop; a broker that is away for a moment is asked again. */
async function watch<T>(terminal: Terminal, list: List<T>, options: ListOptions): Promise<ExitCode> {
  const { stdout } = terminal;
  const everyMs = options.watch === true || options.watch === undefined ? EVERY_MS : options.watch;
  const isScreen = stdout.isTTY === true && options.json !== true;
  const { signal, stop } = interruptOf(terminal);
  if (isScreen) stdout.write(CLEAR);
  let problem = '';
  const failed = ({ message }: Error): void => {
    if (problem !== message) print(terminal.stderr, `${message} Trying again.`);
    problem = message;
  };
  try {
    while (!signal.aborted) {
      const seen = await look(() => list.read(signal), failed);
      if (seen !== undefined) {
        problem = '';
        // One line per look, so that whoever reads it knows where one ends.
        if (options.json) print(stdout, JSON.stringify(seen));
        else if (isScreen) {
          const status = `${formatInstant(Date.now())}, every ${formatDuration(everyMs)}; ^C ends it`;
          paint(terminal, linesOf(terminal, list, seen), status);
        } else print(stdout, formatInstant(Date.now()), ...linesOf(terminal, list, seen), '');
      }
      await pause(everyMs, undefined, { signal }).catch(() => undefined);
    }
    return EXIT.interrupted;
  } catch (error) {
    if (signal.aborted) return EXIT.interrupted;
    throw error;
  } finally {
    stop();
  }
}

/** Prints what there is: once, or again and again with `--watch`; for programs with `--json`. */
export async function printList<T>(
  terminal: Terminal,
  options: ListOptions,
  list: List<T>,
): Promise<ExitCode> {
  if (options.watch !== undefined) return await watch(terminal, list, options);
  const seen = await list.read();
  if (options.json) printJson(terminal, seen);
  else list.show(terminal, seen);
  return EXIT.ok;
}
