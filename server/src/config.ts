import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { nearest } from './nearest.js';
import { isLoopback, type SettingValue } from './schema/settings.js';
import {
  COMMAND_VARIABLES,
  PREFIX,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  settingOf,
} from './settings.js';

type Row<K extends SettingName> = (typeof SETTINGS)[K];
type Value<K extends SettingName> =
  | SettingValue<Row<K>['schema']>
  | (Row<K> extends { readonly default: unknown } ? never : undefined);
type Values = { readonly [K in SettingName]: Value<K> };

/** All settings, checked and frozen. */
export interface Config extends Omit<Values, 'dev' | 'host' | 'allowedOrigins' | 'auditDir'> {
  readonly dev: boolean;
  readonly host: string;
  readonly auditDir: string;
  readonly allowedOrigins: readonly string[];
  /** `NODE_ENV` is `production`. */
  readonly production: boolean;
}

/** Where settings come from; the earlier one wins: flags, environment, file. */
export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Path of a YAML file. */
  readonly file?: string;
  /** By the setting's name, as text or as the value itself. */
  readonly flags?: Readonly<Partial<Record<SettingName, unknown>>>;
}

/** A setting that is wrong; the message is one line that names it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(message: string) {
    super(message.replace(/\s+/g, ' '));
  }
}

interface Given {
  readonly label: string;
  readonly value: unknown;
}
type Layer = ReadonlyMap<SettingName, Given>;

const FILE_SUFFIX = '_FILE';
/** Larger files are not a secret or a configuration, but a mistake. */
const MAX_FILE_BYTES = 65_536;

const NAMES = new Map<string, SettingName>(SETTING_NAMES.map((name) => [settingOf(name).env, name]));
const SECRET_FILES = new Map<string, SettingName>(
  SETTING_NAMES.filter((name) => settingOf(name).secret === true).map((name) => [
    settingOf(name).env + FILE_SUFFIX,
    name,
  ]),
);
const KNOWN = [...NAMES.keys(), ...SECRET_FILES.keys()] as [string, ...string[]];

function labelOf(name: SettingName): string {
  return PREFIX + SETTINGS[name].env;
}

function readText(path: unknown, label: string): string {
  if (typeof path !== 'string') throw new ConfigError(`${label} must be the path of a file`);
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new ConfigError(
      `${label}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  }
  if (bytes.length > MAX_FILE_BYTES)
    throw new ConfigError(`${label}: ${path} is larger than ${MAX_FILE_BYTES} bytes`);
  return bytes.toString('utf8');
}

/** The settings of one source. An empty value counts as not given, so that `NAME=` in a compose file does no harm. */
function layerOf(
  entries: Iterable<readonly [key: string, label: string, value: unknown]>,
  prefix: string,
): Layer {
  const layer = new Map<SettingName, Given>();
  for (const [key, label, value] of entries) {
    const plain = NAMES.get(key);
    const name = plain ?? SECRET_FILES.get(key);
    if (name === undefined) {
      throw new ConfigError(
        `${label.slice(0, 80)} is not a setting; the nearest is ${prefix}${nearest(key, KNOWN)}`,
      );
    }
    if (value === undefined || value === null || value === '') continue;
    const other = layer.get(name);
    if (other !== undefined) throw new ConfigError(`${label} and ${other.label} are both set; keep one`);
    layer.set(name, { label, value: plain === undefined ? readText(value, label).trim() : value });
  }
  return layer;
}

function fromEnvironment(env: ConfigSources['env']): Layer {
  const entries = Object.entries(env)
    .filter(([key]) => key.startsWith(PREFIX) && !Object.hasOwn(COMMAND_VARIABLES, key.slice(PREFIX.length)))
    .map(([key, value]) => [key.slice(PREFIX.length), key, value] as const);
  return layerOf(entries, PREFIX);
}

/**
 * What a YAML file holds.
 *
 * @param label what named the file, for messages
 * @throws {ConfigError} when it cannot be read or is not YAML
 */
export function readYaml(path: string, label: string): unknown {
  const text = readText(path, label);
  try {
    return parseYaml(text, { maxAliasCount: 0 });
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('\n');
    throw new ConfigError(`${label}: ${path} is not YAML: ${reason.replace(/:$/, '')}`);
  }
}

function fromFile(path: string): Layer {
  const content = readYaml(path, '--config');
  if (content === null || content === undefined) return new Map();
  if (typeof content !== 'object' || Array.isArray(content)) {
    throw new ConfigError(`--config: ${path} must hold one setting per line, such as "port: 4600"`);
  }
  const entries = Object.entries(content).map(([key, value]) => {
    const name = key.toUpperCase();
    return [name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name, `${key} in ${path}`, value] as const;
  });
  return layerOf(entries, '');
}

function fromFlags(flags: NonNullable<ConfigSources['flags']>): Layer {
  const entries = Object.entries(flags).map(([key, value]) => {
    const env = Object.hasOwn(SETTINGS, key) ? SETTINGS[key as SettingName].env : key;
    return [env, `--${env.toLowerCase().replaceAll('_', '-')}`, value] as const;
  });
  return layerOf(entries, '--');
}

/** The value that was given, for a message; never that of a secret. */
function quote(name: SettingName, value: unknown): string {
  if (settingOf(name).secret === true || (typeof value !== 'string' && typeof value !== 'number')) return '';
  return `, not ${JSON.stringify(String(value).slice(0, 40))}`;
}

function valueOf(name: SettingName, layers: readonly Layer[]): unknown {
  const setting = settingOf(name);
  const given = layers.map((layer) => layer.get(name)).find((found) => found !== undefined);
  if (given === undefined) return setting.default;
  const result = setting.schema.safeParse(given.value);
  if (result.success) return result.data;
  const explained = result.error.issues.find((issue) => issue.message.startsWith('must '));
  const problem = explained?.message ?? `must be ${setting.schema.description}${quote(name, given.value)}`;
  throw new ConfigError(`${given.label} ${problem}`);
}

/** What settings must be together. */
function checkWebhooks({ webhookUrl, webhookSecret, production }: Config): void {
  if (webhookUrl === undefined) return;
  const { protocol, hostname } = new URL(webhookUrl);
  if (production && protocol !== 'https:' && !isLoopback(hostname)) {
    throw new ConfigError(
      `${labelOf('webhookUrl')} must begin with https:// with NODE_ENV=production, since what is sent tells who works when (http:// on loopback only)`,
    );
  }
  if (webhookSecret === undefined) {
    throw new ConfigError(
      `${labelOf('webhookSecret')} must be set with ${labelOf('webhookUrl')}, so that the receiver can tell who sends`,
    );
  }
}

function check(config: Config): void {
  const { dev, host, production, jwtSecret, jwksUrl } = config;
  checkWebhooks(config);
  if (dev && production) {
    throw new ConfigError(`${labelOf('dev')}=1 is for development and refused with NODE_ENV=production`);
  }
  if (dev && !isLoopback(host)) {
    throw new ConfigError(
      `${labelOf('host')} must be a loopback address with ${labelOf('dev')}=1, which lets anybody sign in; to listen elsewhere set ${labelOf('dev')}=0 and ${labelOf('jwtSecret')} or ${labelOf('jwksUrl')}`,
    );
  }
  if (jwtSecret !== undefined && jwksUrl !== undefined) {
    throw new ConfigError(`${labelOf('jwtSecret')} and ${labelOf('jwksUrl')} are both set; keep one`);
  }
  if (jwtSecret === undefined && jwksUrl === undefined && !dev) {
    throw new ConfigError(
      `${labelOf('jwtSecret')} or ${labelOf('jwksUrl')} must be set, so that tokens can be checked`,
    );
  }
  if (config.messageBurst < config.messagesPerSecond) {
    throw new ConfigError(`${labelOf('messageBurst')} must be at least ${labelOf('messagesPerSecond')}`);
  }
}

/**
 * The configuration these sources give.
 *
 * @throws {ConfigError} for a name that is not known, a value that is wrong, or settings that contradict each other.
 * @example const config = loadConfig({ env: process.env, file: 'lastcall.yaml', flags: { port: 0 } });
 */
export function loadConfig({ env, file, flags = {} }: ConfigSources): Config {
  const layers = [fromFlags(flags), fromEnvironment(env), file === undefined ? new Map() : fromFile(file)];
  const values = Object.fromEntries(SETTING_NAMES.map((name) => [name, valueOf(name, layers)])) as Values;
  const production = env['NODE_ENV'] === 'production';
  const dev = values.dev ?? (values.redisUrl === undefined && !production);
  const host = values.host ?? (dev ? '127.0.0.1' : '0.0.0.0');
  const allowedOrigins = Object.freeze([...values.allowedOrigins]);
  const auditDir = values.auditDir ?? join(values.dataDir, 'audit');
  const config: Config = { ...values, allowedOrigins, auditDir, dev, host, production };
  check(config);
  return Object.freeze(config);
}
