import { type Config, ConfigError, loadConfig } from '../../config.js';
import { busily } from '../busy.js';
import { defineCommand, EXIT } from '../command.js';
import { type Diagnosis, examineHere } from '../examine.js';
import { addressOption, JSON_OPTION } from '../options.js';
import { colorsOf, oneLine, print, printJson, type Terminal } from '../terminal.js';
import { examineThrough } from '../through.js';

interface Options {
  readonly config?: string;
  readonly through?: string;
  readonly json?: true;
}

const REMEDY = 'Correct that setting; docs/configuration.md explains each.';
const PAINT = { ok: 'green', warn: 'yellow', error: 'red' } as const;

async function examine(config: Config): Promise<Diagnosis[]> {
  const { checkStore } = await import('../../doctor.js');
  const message = 'The settings can be used.';
  return [
    { name: 'config', level: 'ok', message },
    ...(await checkStore(config)),
    ...(await examineHere(config)),
  ];
}

/** The address to look through, if there is one. */
function wayOf({ env }: Terminal, { through }: Options): string | undefined {
  const url = through ?? env['LASTCALL_PUBLIC_URL'] ?? '';
  return url === '' ? undefined : addressOption(url);
}

/** Nothing else can be looked at with settings that are wrong. */
async function diagnose(terminal: Terminal, options: Options): Promise<Diagnosis[]> {
  const { env } = terminal;
  const { config: file } = options;
  const way = wayOf(terminal, options);
  let config: Config;
  try {
    config = loadConfig({ env, ...(file === undefined ? {} : { file }) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [{ name: 'config', level: 'error', message: `${error.message}.`, remedy: REMEDY }];
  }
  const through = (url: string): Promise<Diagnosis[]> =>
    busily(
      terminal,
      () => `Listening through ${oneLine(url)}`,
      () => examineThrough(url),
    );
  return [...(await examine(config)), ...(way === undefined ? [] : await through(way))];
}

function printFindings(terminal: Terminal, findings: readonly Diagnosis[]): void {
  const colors = colorsOf(terminal, terminal.stdout);
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const { name, level, message, remedy } of findings) {
    const word = colors[PAINT[level]](level.padEnd(5));
    print(terminal.stdout, `${word}  ${name.padEnd(width)}  ${oneLine(message)}`);
    if (remedy !== undefined) print(terminal.stdout, `${' '.repeat(width + 9)}${oneLine(remedy)}`);
  }
}

export const doctor = defineCommand<Options>({
  usage: 'doctor',
  summary: 'look whether a broker could run here, and say what to do',
  group: 'Broker',
  options: [
    { flags: '--config <file>', help: 'YAML file with the settings.' },
    {
      flags: '--through <address>',
      help: 'Look through the proxies at this address, too. Default: LASTCALL_PUBLIC_URL.',
    },
    JSON_OPTION,
  ],
  more: [
    'Reads the settings as serve does, and changes nothing. Exit codes: 0 nothing is wrong, 3 something is; warnings alone are 0.',
    'With --through it takes some seconds: it looks whether a quiet connection is left alone.',
  ].join('\n'),
  async run({ terminal, options }) {
    const findings = await diagnose(terminal, options);
    const ok = findings.every(({ level }) => level !== 'error');
    if (options.json) printJson(terminal, { ok, findings });
    else printFindings(terminal, findings);
    return ok ? EXIT.ok : EXIT.unverified;
  },
});
