import { LastcallError } from '@lastcall/shared';
import { type Argument, CommanderError, Command as Program, Option as ProgramOption } from 'commander';
import { ConfigError } from '../config.js';
import { VERSION } from '../version.js';
import { type Command, CommandError, EXIT, type Option } from './command.js';
import { COMMANDS } from './commands/index.js';
import { UnreachableError } from './http.js';
import { colorsOf, columnsOf, oneLine, print, processTerminal, type Terminal } from './terminal.js';

const HELP = `
The four steps of a logoff:
  lastcall sessions                            1. who is there
  lastcall warn --user ada -m "Please save."   2. tell them
  lastcall logoff --user ada --wait            3. log them off, with time to save
  lastcall verify <order>                      4. the proof that they are gone

The commands but serve, token, doctor and completion talk to a broker:
  LASTCALL_URL      its address (default http://127.0.0.1:4600), or --url
  LASTCALL_TOKEN    the token to sign in with, or --token-file
  LASTCALL_TENANT   the tenant (default: the token's own), or --tenant
  LASTCALL_PROFILE  these from a profile of your file (docs/cli.md), or --profile

Exit codes: 0 done, 1 failed, 2 called wrongly, 3 not everybody is verified (or the doctor found something), 130 interrupted.`;

function optionOf({ flags, help, parse, choices, required }: Option): ProgramOption {
  const option = new ProgramOption(flags, help);
  if (parse) option.argParser(parse);
  if (choices) option.choices(choices);
  if (required) option.makeOptionMandatory();
  return option;
}

/** What commands do that have several below them. */
const PARENTS: Readonly<Record<string, string>> = {
  maintenance: 'close the application for maintenance: everybody out, nobody in until it is lifted',
  audit: 'list, export or verify what happened',
  policy: 'show or change the settings',
};

/** The command a row is added to: `policy get` belongs to `policy`. */
function parentOf(program: Program, parent: string | undefined, group: string): Program {
  if (parent === undefined) return program;
  const { commands: known } = program;
  return (
    known.find((command) => command.name() === parent) ??
    program
      .command(parent)
      .summary(PARENTS[parent] ?? '')
      .helpGroup(`${group}:`)
  );
}

function add(program: Program, row: Command, terminal: Terminal, done: (code: number) => void): void {
  const [, parentName, rest = ''] = /^(?:(\w+) (?=\w))?(.*)$/.exec(row.usage) ?? [];
  const parent = parentOf(program, parentName, row.group);
  const isDefault = parent !== program && parent.commands.length === 0;
  const command = parent.command(rest, { isDefault }).summary(row.summary).description(sentence(row.summary));
  if (parent === program) command.helpGroup(`${row.group}:`);
  for (const option of row.options) command.addOption(optionOf(option));
  if (row.more) command.addHelpText('after', `\n${row.more}`);
  command.action(async () => {
    done(
      await row.run({ args: command.processedArgs.flat() as string[], options: command.opts(), terminal }),
    );
  });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function programOf(terminal: Terminal, done: (code: number) => void): Program {
  const { stdout, stderr } = terminal;
  const program = new Program('lastcall')
    .description('Who is working, who edits what; warn them, log them off, and prove that they are gone.')
    .version(VERSION, '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Show help.')
    .addHelpCommand(
      new Program('help').argument('[command]').summary('show help for a command').helpGroup('Broker:'),
    )
    .configureHelp({
      subcommandTerm: (command) => [command.name(), ...command.registeredArguments.map(argumentOf)].join(' '),
    })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(`lastcall: ${oneLine(text.trim().replace(/^error: /, ''))}\n`),
      getOutHelpWidth: () => Math.min(100, columnsOf(stdout)),
      getErrHelpWidth: () => Math.min(100, columnsOf(stderr)),
      getOutHasColors: () => colorsOf(terminal, stdout).isColorSupported,
      getErrHasColors: () => colorsOf(terminal, stderr).isColorSupported,
    })
    .exitOverride()
    .addHelpText('after', HELP);
  for (const row of COMMANDS) add(program, row, terminal, done);
  return program;
}

function argumentOf(argument: Argument): string {
  const text = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${text}>` : `[${text}]`;
}

/** The broker speaks to a person at a page, who can sign in again. */
const NEEDS_TOKEN = 'This command needs another token: LASTCALL_TOKEN, or --token-file.';

function isForToken(error: unknown): boolean {
  return error instanceof LastcallError && error.status === 401;
}

/** The exit code for an error, after one line on standard error. */
function fail(terminal: Terminal, error: unknown): number {
  const { stderr } = terminal;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const expected =
    error instanceof CommandError ||
    error instanceof LastcallError ||
    error instanceof UnreachableError ||
    error instanceof ConfigError;
  const message = error instanceof Error ? error.message : String(error);
  print(stderr, `lastcall: ${oneLine(isForToken(error) ? `${message} ${NEEDS_TOKEN}` : message)}`);
  if (!expected && error instanceof Error && terminal.env['LASTCALL_LOG_LEVEL'] === 'debug')
    print(stderr, error.stack ?? '');
  return error instanceof CommandError ? error.exitCode : EXIT.failed;
}

/** Runs one command and says what the process is to exit with. */
export async function run(args: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  let code: number = EXIT.ok;
  try {
    await programOf(terminal, (exit) => {
      code = exit;
    }).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return fail(terminal, error);
  }
}

/** The `lastcall` command: sets the exit code of this process. */
export async function main(argv: readonly string[]): Promise<void> {
  const isBroker = argv[2] === 'serve';
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    // Whoever reads only the first lines, such as `head`, closes the pipe. A broker goes on without its reader.
    if (!isBroker) process.exit(EXIT.ok);
  });
  process.exitCode = await run(argv.slice(2));
  // What did not close in time must not keep a broker that was told to end.
  if (isBroker) process.exit();
}
