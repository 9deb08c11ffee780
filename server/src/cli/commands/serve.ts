import { relative, resolve } from 'node:path';
import type { Broker } from '../../broker.js';
import { type Config, loadConfig } from '../../config.js';
import { type SettingName, settingOptions, settingsHelp } from '../../settings.js';
import { CommandError, defineCommand, EXIT, type ExitCode } from '../command.js';
import { listenProblem } from '../listening.js';
import { colorsOf, print, type Terminal } from '../terminal.js';

type Flags = Partial<Record<SettingName, unknown>>;
type Options = Flags & { readonly config?: string };

/** A stop that takes longer, clients that are sent to other nodes apart, is not waited for. */
const STOP_LIMIT_MS = 10_000;
/** How long the administrator's token of a development broker is valid. */
const TOKEN_MS = 12 * 3_600_000;
const DEV_TENANT = 'demo';
/** What it writes is for its own account alone, also in a data directory that others may read. */
const PRIVATE = 0o077;

/** Why a broker did not start, and what to do. */
function startError(error: unknown, config: Config): unknown {
  const problem = listenProblem(error, config);
  return problem === undefined ? error : new CommandError(problem.join(': '));
}

/** What somebody who tries the broker out wants to know next. */
async function greet(terminal: Terminal, config: Config, broker: Broker, url: string): Promise<void> {
  const { stdout } = terminal;
  const colors = colorsOf(terminal, stdout);
  if (!config.dev) {
    print(stdout, `Lastcall listens on ${url}`);
    return;
  }
  const administrator = {
    sub: 'admin',
    name: 'Administrator',
    tenant: DEV_TENANT,
    roles: ['admin'],
    expiresInMs: TOKEN_MS,
  };
  const token = await broker.token(administrator);
  const where = config.dataDir.startsWith('/')
    ? config.dataDir
    : `${relative(process.cwd(), resolve(config.dataDir))}/`;
  const kept =
    config.redisUrl === undefined
      ? `in ${where}: orders, blocks and policy at once, the rest at least every 2 s (a crash loses at most those)`
      : 'in Redis';
  print(
    stdout,
    '',
    `  ${colors.bold('Lastcall')} listens on  ${colors.cyan(url)}`,
    `  Demo                ${colors.cyan(`${url}/demo/`)}  (open it in two windows)`,
    `  Console             ${colors.cyan(broker.consoleLink(url, administrator))}  (signs in once, within 10 minutes)`,
    `  Side by side        ${colors.cyan(`${url}/demo/both.html`)}  (two people and the administrator)`,
    `  Data is kept        ${kept}`,
    '',
    `  ${colors.bold('Next')}, in another terminal, as the administrator of "${DEV_TENANT}" (the token is valid for 12 hours):`,
    '',
    ...(config.port === 4_600 ? [] : [`  export LASTCALL_URL=${url}`]),
    `  export LASTCALL_TOKEN=${token}`,
    '  npx lastcall sessions',
    '  npx lastcall logoff --all --grace 20s --wait',
    '',
  );
}

/** Resolves when the process is told to end; told again, it ends at once. */
function toldToEnd({ signals }: Terminal): Promise<void> {
  return new Promise((resolveTold) => {
    const told = (): void => {
      for (const name of ['SIGINT', 'SIGTERM']) {
        signals.off(name, told);
        signals.once(name, () => process.exit(name === 'SIGINT' ? EXIT.interrupted : 143));
      }
      resolveTold();
    };
    signals.on('SIGINT', told);
    signals.on('SIGTERM', told);
  });
}

async function stop({ stderr }: Terminal, broker: Broker, { drainMs }: Config): Promise<ExitCode> {
  const limitMs = drainMs + STOP_LIMIT_MS;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolveLate) => {
    timer = setTimeout(() => resolveLate('late'), limitMs);
  });
  const outcome = await Promise.race([broker.close().then(() => 'closed' as const), late]);
  clearTimeout(timer);
  if (outcome === 'closed') return EXIT.ok;
  const limit = `${Math.round(limitMs / 1_000)} s`;
  print(stderr, `lastcall: the broker did not stop within ${limit}; what it had answered is safe.`);
  return EXIT.failed;
}

export const serve = defineCommand<Options>({
  usage: 'serve',
  summary: 'run a broker',
  group: 'Broker',
  options: [
    { flags: '--config <file>', help: 'YAML file with the settings.' },
    ...settingOptions().map(({ flags, help }) => ({ flags, help })),
  ],
  more: settingsHelp(),
  async run({ terminal, options }) {
    const { config: file, ...flags } = options;
    const config = loadConfig({ env: terminal.env, flags, ...(file === undefined ? {} : { file }) });
    process.umask(PRIVATE);
    const { createBroker } = await import('../../index.js');
    const ended = toldToEnd(terminal);
    const broker = await createBroker({ config });
    try {
      const { url } = await broker.listen();
      await greet(terminal, config, broker, url);
      await ended;
    } catch (error) {
      await stop(terminal, broker, config);
      throw startError(error, config);
    }
    return stop(terminal, broker, config);
  },
});
