import { MAX_PAYLOAD_BYTES } from '@lastcall/shared';
import {
  auditKeysSetting,
  choiceSetting,
  flagSetting,
  keySetUrlSetting,
  numberSetting,
  originsSetting,
  redisUrlSetting,
  type SettingSchema,
  secretSetting,
  textSetting,
  webhookSecretsSetting,
  webhookUrlSetting,
} from './schema/settings.js';

/** Before every environment variable of the product. */
export const PREFIX = 'LASTCALL_';

/** Levels of the log, the most talkative first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * The one table of settings: parsing, `--help`, docs/configuration.md and validation read it. `standard` stands in for
 * a default that depends on other settings; a secret is also read from the file that `…_FILE` names, is never shown,
 * and has no option on the command line, where other users of the machine would see it.
 */
export const SETTINGS = {
  redisUrl: {
    env: 'REDIS_URL',
    schema: redisUrlSetting,
    standard: 'none: the embedded engine',
    secret: true,
    help: 'The Redis or Valkey that holds all state.',
  },
  minReplicas: {
    env: 'MIN_REPLICAS',
    schema: numberSetting(0, 16),
    default: 1,
    help: 'With Sentinel: how many replicas must have an order, a block or a change of settings before it is answered. 0 waives it: a fail-over may then lose what was answered.',
  },
  port: {
    env: 'PORT',
    schema: numberSetting(0, 65_535),
    default: 4_600,
    help: 'Port to listen on; 0 takes a free one.',
  },
  host: {
    env: 'HOST',
    schema: textSetting(255),
    standard: '127.0.0.1 with DEV, else 0.0.0.0',
    help: 'Address to listen on; with DEV a loopback address.',
  },
  trustProxy: {
    env: 'TRUST_PROXY',
    schema: numberSetting(0, 16),
    default: 0,
    help: 'How many reverse proxies stand in front; only their X-Forwarded-For is believed.',
  },
  jwtSecret: {
    env: 'JWT_SECRET',
    schema: secretSetting,
    secret: true,
    help: 'Shared secret of HS256 tokens. Either this or JWKS_URL.',
  },
  jwksUrl: {
    env: 'JWKS_URL',
    schema: keySetUrlSetting,
    help: 'Where the public keys of RS256, ES256 or EdDSA tokens are. Either this or JWT_SECRET.',
  },
  jwtIssuer: { env: 'JWT_ISSUER', schema: textSetting(512), help: 'The `iss` that tokens must have.' },
  jwtAudience: { env: 'JWT_AUDIENCE', schema: textSetting(512), help: 'The `aud` that tokens must have.' },
  tenantClaim: {
    env: 'TENANT_CLAIM',
    schema: textSetting(128),
    default: 'tenant',
    help: 'The claim that names the tenant.',
  },
  allowedOrigins: {
    env: 'ALLOWED_ORIGINS',
    schema: originsSetting,
    default: [],
    help: 'Origins of the web pages that may connect, exactly as browsers send them.',
  },
  dataDir: {
    env: 'DATA_DIR',
    schema: textSetting(1_024),
    default: '.lastcall',
    help: 'Where the embedded engine keeps its data, and DEV its secret.',
  },
  auditDir: {
    env: 'AUDIT_DIR',
    schema: textSetting(1_024),
    standard: 'audit in DATA_DIR',
    help: 'Where the audit archive is kept; all brokers of an installation share it.',
  },
  auditKey: {
    env: 'AUDIT_KEY',
    schema: auditKeysSetting,
    secret: true,
    help: 'What the audit archive is signed with. The first key signs, all of them prove.',
  },
  webhookUrl: {
    env: 'WEBHOOK_URL',
    schema: webhookUrlSetting,
    help: 'Where to send what happens to sessions, orders, locks and settings; with NODE_ENV=production https:// unless on loopback.',
  },
  webhookSecret: {
    env: 'WEBHOOK_SECRET',
    schema: webhookSecretsSetting,
    secret: true,
    help: 'What webhooks are signed with; two while one replaces the other. Needed with WEBHOOK_URL.',
  },
  logLevel: {
    env: 'LOG_LEVEL',
    schema: choiceSetting(LOG_LEVELS),
    default: 'info',
    help: 'How much is logged.',
  },
  dev: {
    env: 'DEV',
    schema: flagSetting,
    standard: '1 with the embedded engine unless NODE_ENV=production, else 0',
    help: 'Development: a secret is made, /demo/ and a sign-in by one click are served, on loopback only.',
  },
  maxPayloadBytes: {
    env: 'MAX_PAYLOAD_BYTES',
    schema: numberSetting(4_096, 1_048_576),
    default: MAX_PAYLOAD_BYTES,
    help: 'Largest socket message and largest HTTP body.',
  },
  messagesPerSecond: {
    env: 'MESSAGES_PER_SECOND',
    schema: numberSetting(1, 10_000),
    default: 50,
    help: 'Messages a socket may send for long, heartbeats apart.',
  },
  messageBurst: {
    env: 'MESSAGE_BURST',
    schema: numberSetting(1, 100_000),
    default: 200,
    help: 'Messages a socket may send at once; at least MESSAGES_PER_SECOND.',
  },
  heartbeatBurst: {
    env: 'HEARTBEAT_BURST',
    schema: numberSetting(10, 1_000_000),
    default: 100,
    help: 'Heartbeats a socket may send in 10 s; it is asked for about one in 15 s.',
  },
  failedHandshakesPerMinute: {
    env: 'FAILED_HANDSHAKES_PER_MINUTE',
    schema: numberSetting(1, 100_000),
    default: 60,
    help: 'Failed handshakes after which an address is told to wait; good tokens come in all the same.',
  },
  opensPerSecond: {
    env: 'OPENS_PER_SECOND',
    schema: numberSetting(1, 100_000),
    default: 500,
    help: 'New sessions this process admits.',
  },
  resumesPerSecond: {
    env: 'RESUMES_PER_SECOND',
    schema: numberSetting(500, 100_000),
    default: 500,
    help: 'Sessions that may come back to this process, apart from new ones.',
  },
  drainMs: {
    env: 'DRAIN_MS',
    schema: numberSetting(0, 600_000),
    default: 10_000,
    help: 'Longest time a stop may take to send clients to other nodes, in milliseconds.',
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** Variables of the commands that talk to a running broker; the broker itself has no use for them. */
export const COMMAND_VARIABLES = {
  URL: 'Address of the broker the commands talk to.',
  TOKEN: 'Token the commands sign in with.',
  TENANT: 'Tenant the commands are about.',
  PUBLIC_URL: 'Address by which clients come; the doctor looks through it.',
  PROFILES: 'File with profiles for the commands.',
  PROFILE: 'Profile the commands take their address, token and tenant from.',
} as const;

interface Setting {
  readonly env: string;
  readonly schema: SettingSchema;
  readonly default?: string | number | boolean | readonly string[];
  readonly standard?: string;
  readonly secret?: true;
  readonly help: string;
}

/** A row of the table, seen without its exact type. */
export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}

/** What a setting is when it is not set, in words. */
function defaultOf(setting: Setting): string {
  const text = String(setting.default ?? setting.standard ?? '');
  return text === '' ? 'none' : text;
}

/** A setting as an option of `lastcall serve`. */
export interface SettingOption {
  readonly name: SettingName;
  /** As commander wants it, such as `--data-dir <value>`. */
  readonly flags: string;
  readonly help: string;
}

/** The settings that may be given on the command line: all but secrets. */
export function settingOptions(): SettingOption[] {
  return SETTING_NAMES.filter((name) => settingOf(name).secret !== true).map((name) => {
    const setting = settingOf(name);
    const flag = `--${setting.env.toLowerCase().replaceAll('_', '-')}`;
    const value = setting.schema === flagSetting ? '[value]' : '<value>';
    return { name, flags: `${flag} ${value}`, help: `${setting.help} Default: ${defaultOf(setting)}.` };
  });
}

/** The settings for `lastcall serve --help`. */
export function settingsHelp(): string {
  const rows = SETTING_NAMES.map((name) => {
    const setting = settingOf(name);
    const file = setting.secret === true ? ` (or ${PREFIX}${setting.env}_FILE)` : '';
    return `  ${PREFIX}${setting.env}${file}\n      ${setting.help}\n      Must be ${setting.schema.description}. Default: ${defaultOf(setting)}.`;
  });
  return [`Settings, as environment variables or in the file of --config (without ${PREFIX}):`, ...rows].join(
    '\n',
  );
}

/** The settings as the table of docs/configuration.md. */
export function settingsTable(): string {
  const rows = SETTING_NAMES.map((name) => {
    const setting = settingOf(name);
    const file = setting.secret === true ? `<br>or \`${PREFIX}${setting.env}_FILE\`` : '';
    return `| \`${PREFIX}${setting.env}\`${file} | ${setting.help} | ${setting.schema.description} | ${defaultOf(setting)} |`;
  });
  return ['| variable | what it does | must be | default |', '|---|---|---|---|', ...rows].join('\n');
}
