import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A file of the repository; its path is relative to {@link ROOT}. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

const LEFT_OUT = new Set(['node_modules', 'dist', 'coverage', '.git', '.lastcall']);

export function read(path: string): string {
  return readFileSync(ROOT + path, 'utf8');
}

export function readJson(path: string): unknown {
  return JSON.parse(read(path));
}

/** Every file in these folders whose name ends so, in a stable order. */
export function sourcesIn(folders: readonly string[], ending: string): Source[] {
  return folders.flatMap((folder) => pathsIn(folder, ending)).map((path) => ({ path, text: read(path) }));
}

function pathsIn(folder: string, ending: string): string[] {
  return readdirSync(ROOT + folder, { withFileTypes: true })
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en'))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return LEFT_OUT.has(entry.name) ? [] : pathsIn(path, ending);
      return entry.name.endsWith(ending) ? [path] : [];
    });
}

/** One import of a TypeScript file, of whatever kind: static, re-exported, dynamic, or of a type in passing. */
export interface Import {
  /** As it is written. */
  readonly name: string;
  /** A path of the repository; or the name of a package, `node:…` included. */
  readonly to: string;
  readonly typesOnly: boolean;
}

// Statements begin their line, as the formatter leaves them; comments and examples in comments do not.
const STATEMENT = /^(?:import|export)\s+(?:(?<clause>[^'"`;]*?)\s*from\s*)?['"](?<name>[^'"]+)['"]/gm;
const EXPRESSION = /\b(?:import|import\.meta\.resolve|require|require\.resolve)\(\s*['"](?<name>[^'"]+)['"]/g;

export function importsOf({ path, text }: Source): Import[] {
  return [...text.matchAll(STATEMENT), ...text.matchAll(EXPRESSION)].map(({ groups = {} }) => {
    const { name = '', clause = '' } = groups;
    return { name, to: targetOf(path, name), typesOnly: isTypesOnly(clause) };
  });
}

function isTypesOnly(clause: string): boolean {
  if (/^type\s/.test(clause)) return true;
  const names = /^\{(?<names>[^]*)\}$/.exec(clause.trim())?.groups?.['names'];
  const list = names?.split(',').flatMap((name) => name.trim() || []) ?? [];
  return list.length > 0 && list.every((name) => name.startsWith('type '));
}

/** The workspaces by their package names. */
const WORKSPACES: Readonly<Record<string, string>> = {
  '@lastcall/shared': 'shared',
  '@lastcall/client': 'client-sdk',
  lastcall: 'server',
};

function targetOf(path: string, name: string): string {
  if (name.startsWith('.')) {
    const plain = posix.join(posix.dirname(path), name).replace(/\.js$/, '.ts');
    return existsSync(`${ROOT}${plain}x`) ? `${plain}x` : plain;
  }
  const internal = /^lastcall\/internal\/(?<file>.+)\.js$/.exec(name)?.groups?.['file'];
  if (internal !== undefined) return `server/src/${internal}.ts`;
  if (name.startsWith('node:')) return name;
  const [scope = '', rest = ''] = name.split('/');
  const packageName = scope.startsWith('@') ? `${scope}/${rest}` : scope;
  const workspace = WORKSPACES[packageName];
  return workspace === undefined ? packageName : `${workspace}/src/index.ts`;
}
