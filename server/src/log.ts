import { createHmac, randomBytes } from 'node:crypto';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from './config.js';

export type { Logger } from 'pino';

const SALT = randomBytes(16);

/**
 * Stands for an id in log lines: the same id has the same stand-in for as long as this process runs, and nobody can
 * find the id by it.
 */
export function hashId(id: string): string {
  return `#${createHmac('sha256', SALT).update(id).digest('hex').slice(0, 12)}`;
}

/** Fields whose value never goes into a log, wherever they stand. */
const SECRET_FIELDS = [
  'token',
  'authorization',
  'cookie',
  'key',
  'resumeKey',
  'secret',
  'jwtSecret',
  'webhookSecret',
  'password',
  'redisUrl',
  'auth',
  // A command that the store refused: names, messages and ids stand in it.
  'args',
];
/** Fields whose value is an id that lets nobody in, but tells who worked when: logged as its stand-in. */
const HASHED_FIELDS = ['sessionId', 'sid'];
/** How deep redaction looks; what is logged is flat. */
const LEVELS = ['', '*.', '*.*.', '*.*.*.'];

const REDACTED = '[redacted]';

function censor(value: unknown, path: readonly string[]): string {
  const isId = HASHED_FIELDS.includes(path.at(-1) ?? '');
  return isId && typeof value === 'string' ? hashId(value) : REDACTED;
}

const TOKENS = /\beyJ[\w-]{4,}\.[\w-]+\.[\w-]*/g;
const SESSION_PATHS = /(\/sessions\/)([0-9a-fA-F-]{36})/g;

/** A last look at the finished line, for secrets that stand inside a text, such as an address or an error. */
function scrub(text: string): string {
  return text
    .replace(TOKENS, REDACTED)
    .replace(SESSION_PATHS, (_all, before: string, id: string) => before + hashId(id));
}

/** A line for a person at a terminal; values stay JSON, so that none of them can forge a line. */
function readable(json: string): string {
  const {
    level,
    time,
    msg,
    pid: _pid,
    hostname: _hostname,
    ...fields
  } = JSON.parse(json) as Record<string, unknown>;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const text = typeof msg === 'string' ? JSON.stringify(msg).slice(1, -1) : '';
  return `${[clock, String(level).padEnd(5), text, ...rest].join(' ')}\n`;
}

/** Where log lines go, and how. */
export interface LogOptions extends Pick<Config, 'logLevel'> {
  /** JSON, one object per line, for machines; otherwise lines for people. */
  readonly production: boolean;
  /** Standard output unless given. */
  readonly destination?: DestinationStream;
}

/** A line that cannot be written, as to a file on a full disk, is lost; that is no reason to end. */
const lose = (): void => undefined;

/**
 * The logger of one broker. Tokens, keys and session ids do not get into it in clear.
 *
 * @example createLogger(config).info({ sessionId, user }, 'session opened');
 */
export function createLogger({ logLevel, production, destination = process.stdout }: LogOptions): Logger {
  if (destination === process.stdout) process.stdout.off('error', lose).on('error', lose);
  const stream: DestinationStream = production
    ? destination
    : { write: (json: string) => destination.write(readable(json)) };
  const paths = [...SECRET_FIELDS, ...HASHED_FIELDS].flatMap((name) => LEVELS.map((level) => level + name));
  return pino(
    {
      level: logLevel,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...paths, 'req.headers["set-cookie"]', 'res.headers["set-cookie"]'], censor },
      hooks: { streamWrite: scrub },
    },
    stream,
  );
}
