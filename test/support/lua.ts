import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assemble, SCRIPT_NAMES } from 'lastcall/internal/redis/scripts.js';
import { ROOT, type Source, sourcesIn } from './sources.js';

/** The files of `server/lua/` by their names without `.lua`; libraries begin with an underscore. */
export function luaFiles(): ReadonlyMap<string, Source> {
  return new Map(sourcesIn(['server/lua'], '.lua').map((file) => [nameOf(file), file]));
}

const nameOf = ({ path }: Source): string => path.replace(/^.*\/|\.lua$/g, '');

/** The comment at the head of a verb, `#!lua` line left out. */
export function headerOf({ text }: Source): string {
  return /^#!lua.*\n(?<header>(?:--.*\n)*)/.exec(text)?.groups?.['header'] ?? '';
}

/** The libraries a verb's header names. */
export function includesOf(file: Source): string[] {
  const names = /Includes: (?<names>_[a-z]+(?:(?: |\n-- +)_[a-z]+)*)$/m.exec(headerOf(file))?.groups?.[
    'names'
  ];
  return names?.match(/_[a-z]+/g) ?? [];
}

/** A script as Redis gets it, with the file and line each of its lines comes from. */
export interface Assembled {
  readonly name: string;
  readonly source: string;
  /** By line of the source, from 0: `_lock:12`. */
  readonly origins: readonly string[];
}

const linesOf = (name: string, text: string): string[] => {
  const count = text.split('\n').length - 1;
  return Array.from({ length: count }, (_, index) => `${name}:${index + 1}`);
};

/** Puts scripts together and remembers where each line stands. */
export function assembledScripts(): Assembled[] {
  const files = luaFiles();
  return SCRIPT_NAMES.map((name) => {
    const verb = files.get(name);
    if (verb === undefined) throw new Error(`there is no server/lua/${name}.lua`);
    const [shebang = '', ...body] = linesOf(name, verb.text);
    const libraries = includesOf(verb).flatMap((library) => linesOf(library, files.get(library)?.text ?? ''));
    const { source } = assemble(name, { whole: true });
    const origins = [shebang, 'defaults:1', ...libraries, 'run:1', ...body];
    // How Redis is told of it stands behind it.
    return { name, source, origins: [...origins, ...linesOf('told', source).slice(origins.length)] };
  });
}

export function luacheckAvailable(): boolean {
  return spawnSync('luacheck', ['--version']).status === 0;
}

interface Finding {
  readonly script: string;
  readonly origin: string;
  readonly code: string;
  readonly message: string;
}

const LINE = /^(?<file>.+):(?<line>\d+):\d+: \((?<code>[EW]\d+)\) (?<message>.*)$/;
const UNUSED = /^W2[1-3]/;

/**
 * What luacheck finds in assembled scripts. A library is put before many verbs, none of which uses all of it: what is
 * unused there counts only when no script uses it.
 */
export function lintLua(scripts: readonly Assembled[]): string[] {
  const findings = scripts.length === 0 ? [] : luacheck(scripts);
  const isEverywhere = (finding: Finding): boolean => {
    const having = scripts.filter(({ origins }) => origins.includes(finding.origin));
    return having.every(({ name }) =>
      findings.some((other) => other.script === name && isSame(other, finding)),
    );
  };
  const kept = findings.filter((finding) => {
    if (finding.origin === 'defaults:1') return false;
    return !(finding.origin.startsWith('_') && UNUSED.test(finding.code)) || isEverywhere(finding);
  });
  return [
    ...new Set(
      kept.map(
        ({ origin, code, message }) => `server/lua/${origin.replace(':', '.lua:')} ${code} ${message}`,
      ),
    ),
  ];
}

const isSame = (a: Finding, b: Finding): boolean => a.origin === b.origin && a.message === b.message;

function luacheck(scripts: readonly Assembled[]): Finding[] {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-lua-'));
  try {
    for (const { name, source } of scripts) writeFileSync(join(folder, `${name}.lua`), source);
    const files = scripts.map(({ name }) => `${name}.lua`);
    const options = ['--config', `${ROOT}.luacheckrc`, '--formatter', 'plain', '--codes'];
    const { stdout, stderr, status } = spawnSync('luacheck', [...options, ...files], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (status === null || status > 2) throw new Error(`luacheck did not run: ${stderr}${stdout}`);
    return stdout.split('\n').flatMap((line) => {
      const found = LINE.exec(line)?.groups;
      if (found === undefined) return [];
      const script = (found['file'] ?? '').replace(/\.lua$/, '');
      const { origins = [] } = scripts.find(({ name }) => name === script) ?? {};
      const origin = origins[Number(found['line']) - 1] ?? `${script}:?`;
      return [{ script, origin, code: found['code'] ?? '', message: found['message'] ?? '' }];
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
