import { type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LastcallError } from '@lastcall/shared';
import { readYaml } from '../config.js';
import { nearest } from '../nearest.js';
import { parse } from '../schema/parse.js';
import { type Profile, profilesSchema } from '../schema/profiles.js';
import { CommandError, EXIT } from './command.js';
import type { Terminal } from './terminal.js';

/** What others may do with a file. */
const FOR_OTHERS = 0o077;

/** A profile as it was found: `file` names it in messages, paths in it are seen from `folder`. */
export interface Found extends Profile {
  readonly name: string;
  readonly file: string;
  readonly folder: string;
}

function refuse(message: string): CommandError {
  return new CommandError(message, EXIT.usage);
}

/** Where the profiles are: what the variable names, or a place of this account. */
function placeOf({ env }: Terminal): { readonly path: string; readonly named: boolean } | undefined {
  const named = env['LASTCALL_PROFILES'] ?? '';
  if (named !== '') return { path: resolve(named), named: true };
  const home = env['XDG_CONFIG_HOME'] || (env['HOME'] ? join(env['HOME'], '.config') : '');
  return home === '' ? undefined : { path: join(home, 'lastcall', 'profiles.yaml'), named: false };
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw refuse(`The profiles in ${path} cannot be read (${code})`);
  }
}

/** Tokens stand in it: nobody else may read it, and nobody else may have written it. */
function checkRights(path: string, { mode, uid }: Stats): void {
  const self = process.getuid?.();
  // Where files have no such rights there is nothing to be seen in them.
  if (self === undefined) return;
  if ((mode & FOR_OTHERS) !== 0) {
    const rights = (mode & 0o777).toString(8).padStart(4, '0');
    throw refuse(
      `Others may read or write ${path} (${rights}), and tokens may stand in it: chmod 600 ${path}`,
    );
  }
  if (uid !== self && uid !== 0) throw refuse(`${path} belongs to another account: use a file of your own`);
}

function read(path: string) {
  try {
    return parse(profilesSchema, readYaml(path, 'The profiles'));
  } catch (error) {
    if (!(error instanceof LastcallError)) throw error;
    const issues = (error.extras.issues ?? []).map((issue) => `${issue.path} ${issue.message}`).join(', ');
    throw refuse(`The profiles in ${path} cannot be used: ${issues}`);
  }
}

/**
 * The profile that is asked for, by `--profile`, `LASTCALL_PROFILE` or as the default of the file; undefined when there is
 * none.
 *
 * @throws {CommandError} for one that is not there, and for a file that others may read or write.
 */
export function findProfile(terminal: Terminal, asked: string | undefined): Found | undefined {
  const wanted = asked ?? (terminal.env['LASTCALL_PROFILE'] || undefined);
  const place = placeOf(terminal);
  const stats = place && statsOf(place.path);
  if (place === undefined || stats === undefined) {
    if (wanted === undefined && !place?.named) return undefined;
    const where = place === undefined ? 'a file that LASTCALL_PROFILES names' : place.path;
    throw refuse(`There are no profiles: write them into ${where} (docs/cli.md says how)`);
  }
  checkRights(place.path, stats);
  const { default: standard, profiles } = read(place.path);
  const name = wanted ?? standard;
  if (name === undefined) return undefined;
  const profile = Object.hasOwn(profiles, name) ? profiles[name] : undefined;
  if (profile) return { ...profile, name, file: place.path, folder: dirname(place.path) };
  const [first, ...others] = Object.keys(profiles);
  const hint = first === undefined ? 'it has none' : `the nearest is ${nearest(name, [first, ...others])}`;
  throw refuse(`"${name}" is not a profile of ${place.path}; ${hint}`);
}
