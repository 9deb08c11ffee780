import type { Terminal } from './terminal.js';

/** What `lastcall` exits with. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** Not every target is verified. */
  unverified: 3,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with one line on standard error. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** An option as its help shows it. `parse` throws a `CommandError` for what it does not take. */
export interface Option {
  /** As commander wants it: `--grace <duration>`, `--user <id...>`. */
  readonly flags: string;
  readonly help: string;
  readonly parse?: (text: string) => unknown;
  readonly choices?: readonly string[];
  readonly required?: true;
}

/** What a command is run with. */
export interface Call<O> {
  readonly args: readonly string[];
  readonly options: O;
  readonly terminal: Terminal;
}

/** One row of the table of commands: how it is called, what `--help` says, and what it does. */
export interface Command<O = object> {
  /** With its arguments: `show <session>`, `policy set <setting...>`. */
  readonly usage: string;
  readonly summary: string;
  readonly group: 'Look' | 'Act' | 'Settings' | 'Broker';
  readonly options: readonly Option[];
  /** Shown below the options. */
  readonly more?: string;
  run(call: Call<O>): Promise<ExitCode>;
}

/** A command whose options have the names and types that its rows of `options` give. */
export function defineCommand<O extends object>(command: Command<O>): Command {
  return command;
}
