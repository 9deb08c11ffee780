import type { Machine } from './machine.js';

/**
 * How much is measured. `quick` only shows that the suite still works, `short` is for a look while one works, `full`
 * for figures that are told to others.
 */
export interface Form {
  readonly name: 'quick' | 'short' | 'full';
  readonly rounds: number;
  /** How long code warms up before it is measured, and how long one measurement takes, in milliseconds. */
  readonly warmMs: number;
  readonly measureMs: number;
}

export const FORMS: Readonly<Record<Form['name'], Form>> = {
  quick: { name: 'quick', rounds: 1, warmMs: 200, measureMs: 400 },
  short: { name: 'short', rounds: 3, warmMs: 1_500, measureMs: 1_500 },
  full: { name: 'full', rounds: 5, warmMs: 3_000, measureMs: 2_000 },
};

/** One measurement: of which variant, with how many clients or the like, in which round. */
export interface Cell {
  readonly variant: string;
  readonly size: number;
  readonly round: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Rows of text under headings, for the terminal and for docs/performance.md. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly notes?: readonly string[];
}

/** A picture in SVG, kept beside the tables. */
export interface Plot {
  readonly name: string;
  readonly svg: string;
}

export interface SuiteResult {
  readonly cells: readonly Cell[];
  readonly tables: readonly Table[];
  readonly plots?: readonly Plot[];
}

export interface Context {
  readonly form: Form;
  /** Options for Node in the servers under test, such as `--max-semi-space-size=32`. */
  readonly serverFlags: readonly string[];
  /** Says how far it is. */
  readonly progress: (line: string) => void;
}

/** A table or two of docs/performance.md, and how they are measured. */
export interface Suite {
  readonly name: string;
  readonly about: string;
  run(context: Context): Promise<SuiteResult>;
}

/** A run as it is kept in `bench/results/`. */
export interface Report {
  readonly startedAt: string;
  readonly tookMs: number;
  readonly form: Form['name'];
  readonly serverFlags: readonly string[];
  readonly machine: Machine;
  /** Shares of processor time during the whole run. */
  readonly processors: { readonly idle: number; readonly stolen: number };
  readonly suites: readonly ({ readonly name: string; readonly about: string } & SuiteResult)[];
}
