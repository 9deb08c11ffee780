import { CommandError } from './command.js';
import { usageError } from './options.js';
import { confirm, isInteractive, type Terminal } from './terminal.js';

/**
 * Makes sure that what reaches many people is meant: by `--yes`, or by asking.
 *
 * @throws {CommandError} when somebody says no, or nobody is there to be asked
 */
export async function ensureMeant(terminal: Terminal, what: string, yes: true | undefined): Promise<void> {
  if (yes) return;
  if (!isInteractive(terminal)) throw usageError(`${what}. Add --yes to do so without being asked.`);
  if (await confirm(terminal, `${what}. Go on?`)) return;
  throw new CommandError('Nothing was done.');
}
