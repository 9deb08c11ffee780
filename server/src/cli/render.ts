import Table from 'cli-table3';
import { type Colors, colorsOf, columnsOf, oneLine, print, type Terminal } from './terminal.js';

/** A column of a table of these. */
export interface Column<T> {
  readonly head: string;
  /** What stands in the cell; text from elsewhere is made harmless. */
  text(row: T): string;
  readonly paint?: (colors: Colors, text: string, row: T) => string;
  /** On a terminal that is too narrow, the highest number is left out first. Columns without one stay. */
  readonly spare?: number;
  /** Stays whole, because it is copied, such as an id. */
  readonly whole?: true;
  /** So wide, if there is so much in it, before a spare column is shown. Default: 12. */
  readonly least?: number;
  readonly align?: 'right';
}

/** No cell becomes narrower than this. */
const MIN_WIDTH = 6;
const LEAST = 12;
const GAP = 2;
const NONE = '–';

const BORDERLESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
} as const;

function newTable(
  head: readonly string[],
  aligns: readonly ('left' | 'right')[],
  widths?: readonly number[],
) {
  return new Table({
    head: [...head],
    chars: BORDERLESS,
    colAligns: [...aligns],
    style: { 'padding-left': 0, 'padding-right': GAP, head: [], border: [], compact: true },
    ...(widths ? { colWidths: [...widths] } : {}),
  });
}

interface Drawn<T> {
  readonly column: Column<T>;
  readonly head: string;
  readonly cells: readonly string[];
  /** As wide as its widest cell, with the gap. */
  readonly width: number;
}

function draw<T>(column: Column<T>, rows: readonly T[], colors: Colors): Drawn<T> {
  const texts = rows.map((row) => oneLine(column.text(row)) || NONE);
  // Without colours, whose codes would be counted.
  const measure = newTable([column.head], ['left']);
  measure.push(...texts.map((text) => [text]));
  const cells = rows.map((row, index) => {
    const text = texts[index] ?? NONE;
    return column.paint && text !== NONE ? column.paint(colors, text, row) : text;
  });
  return { column, head: colors.bold(column.head), cells, width: measure.width };
}

const widthOf = (drawn: readonly { readonly width: number }[]): number =>
  drawn.reduce((sum, { width }) => sum + width, -GAP);

/** What a column needs to be of use. */
function needOf<T>({ column, width }: Drawn<T>): number {
  return column.whole ? width : Math.min(width, (column.least ?? LEAST) + GAP);
}

/** Leaves out spare columns until the others have what they need. */
function choose<T>(drawn: readonly Drawn<T>[], columns: number): readonly Drawn<T>[] {
  const spare = Math.max(...drawn.map(({ column }) => column.spare ?? 0));
  const needed = widthOf(drawn.map((one) => ({ width: needOf(one) })));
  if (needed <= columns || spare === 0) return drawn;
  return choose(
    drawn.filter(({ column }) => column.spare !== spare),
    columns,
  );
}

/** Narrows the widest columns until all fit. */
function narrow<T>(drawn: readonly Drawn<T>[], columns: number): readonly Drawn<T>[] {
  const over = widthOf(drawn) - columns;
  if (over <= 0) return drawn;
  const widest = drawn
    .filter(({ column, width }) => column.whole !== true && width > MIN_WIDTH + GAP)
    .toSorted((a, b) => b.width - needOf(b) - (a.width - needOf(a)) || b.width - a.width)[0];
  if (widest === undefined) return drawn;
  const room = widest.width - needOf(widest);
  const width = Math.max(room > 0 ? needOf(widest) : MIN_WIDTH + GAP, widest.width - over);
  return narrow(
    drawn.map((one) => (one === widest ? { ...one, width } : one)),
    columns,
  );
}

/** A table as wide as the terminal allows; everything, without limit, where nobody looks. */
export function renderTable<T>(
  terminal: Terminal,
  columns: readonly Column<T>[],
  rows: readonly T[],
): string {
  const colors = colorsOf(terminal, terminal.stdout);
  const room = columnsOf(terminal.stdout);
  const all = columns.map((column) => draw(column, rows, colors));
  const drawn = narrow(choose(all, room), room);
  const table = newTable(
    drawn.map(({ head }) => head),
    drawn.map(({ column }) => column.align ?? 'left'),
    drawn.map(({ width }) => width),
  );
  table.push(...rows.map((_, index) => drawn.map(({ cells }) => cells[index] ?? '')));
  return table
    .toString()
    .split('\n')
    .map((text) => text.trimEnd())
    .join('\n');
}

/** Prints a table, or the sentence that says why there is none. */
export function printTable<T>(
  terminal: Terminal,
  columns: readonly Column<T>[],
  rows: readonly T[],
  none: string,
): void {
  if (rows.length === 0) print(terminal.stderr, none);
  else print(terminal.stdout, renderTable(terminal, columns, rows));
}

/** Prints names and values, one pair per line; pairs without a value are left out. */
export function printPairs(
  { stdout, ...terminal }: Terminal,
  pairs: readonly (readonly [name: string, value: string | undefined])[],
): void {
  const colors = colorsOf({ stdout, ...terminal }, stdout);
  const given = pairs.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(...given.map(([name]) => name.length));
  for (const [name, value] of given) {
    print(stdout, `${colors.dim(name.padEnd(width + GAP))}${oneLine(value ?? '')}`);
  }
}

/** Says that a list goes on. */
export function printMore({ stderr }: Terminal, shown: number, next: string | undefined): void {
  if (next !== undefined)
    print(stderr, `There are more than these ${shown}; see them with a higher --limit.`);
}
