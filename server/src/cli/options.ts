import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { TENANT_PATTERN } from '@lastcall/shared';
import { nearest } from '../nearest.js';
import { MAX_TOKEN_LENGTH } from '../schema/values.js';
import { Api } from './api.js';
import { CommandError, EXIT, type Option } from './command.js';
import { parseDuration } from './durations.js';
import { type Found, findProfile } from './profiles.js';
import type { Terminal } from './terminal.js';

/** Longest list that is fetched, in items. */
const MAX_LIMIT = 100_000;
const DEFAULT_URL = 'http://127.0.0.1:4600';
/** Larger files are not a token, but a mistake. */
const MAX_TOKEN_FILE_BYTES = 65_536;

/** A command was called in a way it cannot be. */
export function usageError(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}

export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw usageError(`"${text}" is not a duration: write 30s, 5m, 1h30m or milliseconds`);
  return ms;
}

/** An instant: a date that JavaScript reads, or how long ago. */
export function instantOption(text: string): number {
  const agoMs = /^\d+$/.test(text) ? undefined : parseDuration(text);
  const at = agoMs === undefined ? Date.parse(text) : Date.now() - agoMs;
  if (Number.isNaN(at) || at < 0) {
    throw usageError(`"${text}" is not an instant: write 2h (ago), 2031-05-17 or 2031-05-17T08:30:00Z`);
  }
  return at;
}

function limitOption(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > MAX_LIMIT) throw usageError(`--limit must be 1 to ${MAX_LIMIT}, not "${text}"`);
  return limit;
}

export const JSON_OPTION: Option = { flags: '--json', help: 'Print JSON, for programs.' };
export const LIMIT_OPTION: Option = {
  flags: '--limit <count>',
  help: 'Show at most so many. Default: 100.',
  parse: limitOption,
};
export const DEFAULT_LIMIT = 100;

/** What every command takes that talks to a broker. */
export const API_OPTIONS: readonly Option[] = [
  JSON_OPTION,
  { flags: '--url <address>', help: `The broker. Default: LASTCALL_URL, or ${DEFAULT_URL}.` },
  { flags: '--token-file <path>', help: 'File with the token to sign in with. Default: LASTCALL_TOKEN.' },
  { flags: '--tenant <name>', help: "The tenant. Default: LASTCALL_TENANT, or the token's own." },
  {
    flags: '--profile <name>',
    help: 'Take these from a profile of your file. Default: LASTCALL_PROFILE, or its default.',
  },
];

export interface ApiCommandOptions {
  readonly json?: true;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly tenant?: string;
  readonly profile?: string;
}

/** The address of a broker, or of what stands in front of it. */
export function addressOption(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw usageError(`The broker's address must be like ${DEFAULT_URL}, not "${url}"`);
  }
  return url;
}

/** The token in a file. */
function readToken(path: string): string {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= MAX_TOKEN_FILE_BYTES) return bytes.toString('utf8').trim();
  } catch (error) {
    throw usageError(`--token-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  throw usageError(`--token-file: ${path} is too large to be a token`);
}

/** A token, and what it was found in. */
interface Given {
  readonly text: string;
  readonly where: string;
}

function tokenIn({ env }: Terminal, file: string | undefined, profile: Found | undefined): Given | undefined {
  if (file !== undefined) return { text: readToken(file), where: file };
  const text = (env['LASTCALL_TOKEN'] ?? '').trim();
  if (text !== '') return { text, where: 'LASTCALL_TOKEN' };
  if (profile?.token !== undefined) return { text: profile.token, where: profile.file };
  if (profile?.token_file === undefined) return undefined;
  const path = resolve(profile.folder, profile.token_file);
  return { text: readToken(path), where: path };
}

function checkToken(given: Given | undefined): string {
  if (given === undefined || given.text === '') {
    throw usageError(
      'There is no token: set LASTCALL_TOKEN, give --token-file, or write a profile. In development "lastcall serve" prints one, and "lastcall token" makes one.',
    );
  }
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(given.text) || given.text.length > MAX_TOKEN_LENGTH) {
    throw usageError(`What ${given.where} holds is not a token: it must be a JWT, alone and on one line`);
  }
  return given.text;
}

/** The tenant a token is for. It is only read here; the broker checks it. */
function tenantOf(token: string, claim: string): string | undefined {
  try {
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as unknown;
    const tenant = (payload as Readonly<Record<string, unknown>>)[claim];
    return typeof tenant === 'string' ? tenant : undefined;
  } catch {
    return undefined;
  }
}

const originOf = (url: string | undefined): string =>
  url !== undefined && URL.canParse(url) ? new URL(url).origin : '';

/** A profile that was asked for comes before variables, one that is there anyhow after them; options come first. */
export function apiOf(terminal: Terminal, options: ApiCommandOptions): Api {
  const profile = findProfile(terminal, options.profile);
  const env = options.profile === undefined ? terminal.env : withoutCommon(terminal.env);
  const url = addressOption(options.url ?? (env['LASTCALL_URL'] || profile?.url || DEFAULT_URL));
  const given = tokenIn({ ...terminal, env }, options.tokenFile, profile);
  const isOfProfile =
    given?.text !== undefined && given.where !== 'LASTCALL_TOKEN' && options.tokenFile === undefined;
  if (profile && isOfProfile && originOf(url) !== originOf(profile.url ?? DEFAULT_URL)) {
    throw usageError(
      `The token of profile ${profile.name} is for its own address, not for ${url}: give a token with that address`,
    );
  }
  const token = checkToken(given);
  const claim = env['LASTCALL_TENANT_CLAIM'] || 'tenant';
  const tenant = options.tenant ?? (env['LASTCALL_TENANT'] || profile?.tenant || tenantOf(token, claim));
  if (tenant === undefined)
    throw usageError('The token names no tenant: give --tenant or set LASTCALL_TENANT');
  if (!TENANT_PATTERN.test(tenant)) throw usageError(`"${tenant}" is not the name of a tenant`);
  return new Api({ url, token, tenant });
}

/** The environment without what a profile says. */
function withoutCommon(env: Terminal['env']): Terminal['env'] {
  const { LASTCALL_URL: _url, LASTCALL_TOKEN: _token, LASTCALL_TENANT: _tenant, ...rest } = env;
  return rest;
}

/** One of the known names; otherwise an error that names the nearest one. */
export function known<T extends string>(name: string, names: readonly [T, ...T[]], what: string): T {
  const found = names.find((other) => other === name);
  if (found === undefined)
    throw usageError(`"${name}" is not ${what}; the nearest is ${nearest(name, names)}`);
  return found;
}
