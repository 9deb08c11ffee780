import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MAX_USER_ID_LENGTH, TENANT_PATTERN } from '@lastcall/shared';
import { developmentSecret, mintToken } from '../../auth/index.js';
import { type Config, loadConfig } from '../../config.js';
import { CommandError, defineCommand, EXIT } from '../command.js';
import { durationOption, JSON_OPTION, usageError } from '../options.js';
import { print, printJson, type Terminal } from '../terminal.js';

interface Options {
  readonly sub: string;
  readonly tenant?: string;
  readonly name?: string;
  readonly role?: readonly string[];
  readonly expires?: number;
  readonly config?: string;
  readonly json?: true;
}

const EXPIRES_MS = 8 * 3_600_000;

async function secretOf({ stderr }: Terminal, config: Config): Promise<string> {
  if (config.jwksUrl !== undefined) {
    throw new CommandError(
      'Tokens come from your own identity provider here: LASTCALL_JWKS_URL is set, and its private key is not known.',
    );
  }
  if (config.jwtSecret !== undefined) return config.jwtSecret;
  const known = existsSync(join(config.dataDir, 'dev-secret'));
  const secret = await developmentSecret(config.dataDir);
  if (!known) {
    print(
      stderr,
      `Made a development secret in ${config.dataDir}; only a broker that is started with the same directory accepts this token.`,
    );
  }
  return secret;
}

export const token = defineCommand<Options>({
  usage: 'token',
  summary: 'make a token, for development and scripts',
  group: 'Broker',
  options: [
    { flags: '--sub <id>', help: 'Whose token it is.', required: true },
    { flags: '--tenant <name>', help: 'The tenant. Default: LASTCALL_TENANT.' },
    { flags: '--name <name>', help: 'What others see. Default: the id.' },
    { flags: '--role <role...>', help: 'user (default), service, admin, operator, or roles of your own.' },
    { flags: '--expires <duration>', help: 'How long it is valid. Default: 8h.', parse: durationOption },
    { flags: '--config <file>', help: "The broker's YAML file." },
    JSON_OPTION,
  ],
  more: [
    'Signs with LASTCALL_JWT_SECRET or LASTCALL_JWT_SECRET_FILE; in development with the secret in LASTCALL_DATA_DIR.',
    'Example: export LASTCALL_TOKEN=$(lastcall token --sub root --tenant acme --role admin)',
  ].join('\n'),
  async run({ terminal, options }) {
    const { sub, name, role: roles, expires: expiresInMs = EXPIRES_MS } = options;
    const tenant = options.tenant ?? terminal.env['LASTCALL_TENANT'] ?? '';
    if (!TENANT_PATTERN.test(tenant))
      throw usageError('Give --tenant: 1 to 63 of a-z, 0-9, ".", "_" and "-"');
    if (sub.length < 1 || sub.length > MAX_USER_ID_LENGTH) {
      throw usageError(`--sub must be 1 to ${MAX_USER_ID_LENGTH} characters`);
    }
    const config = loadConfig({
      env: terminal.env,
      ...(options.config === undefined ? {} : { file: options.config }),
    });
    const secret = await secretOf(terminal, config);
    const text = await mintToken(secret, {
      sub,
      tenant,
      expiresInMs,
      tenantClaim: config.tenantClaim,
      issuer: config.jwtIssuer,
      audience: config.jwtAudience,
      ...(name === undefined ? {} : { name }),
      ...(roles ? { roles } : {}),
    });
    if (options.json) printJson(terminal, { token: text, expiresInMs });
    else print(terminal.stdout, text);
    return EXIT.ok;
  },
});
