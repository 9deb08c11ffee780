import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ROOT } from '../support/sources.js';
import { headerOf, MUTANTS, MUTANTS_FOLDER, type Mutant } from './mutant.js';

/**
 * Breaks the product in each of the ways that `mutants/` keeps, and looks whether the suites notice. `MUTANT=` names
 * some of them. Ends with 1 if one is missed.
 */

const WORKSPACES = ['shared', 'client-sdk', 'server', 'demo', 'console', 'test', 'bench'];
const ATTEMPTS = 3;
const LIMIT_MS = 180_000;
const SHORT = { FAULT_MS: '6500', QUIET_MS: '2000', PEOPLE: '40' };
/** How suites say that an invariant, or a rule of histories, does not hold. */
const FOUND = /\b(?:I\d+|exclusion|linear|fences|queue|ends): /g;

/** A copy of what is committed or not, with the packages of this one. */
function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lastcall-mutants-'));
  for (const name of [
    ...WORKSPACES,
    'package.json',
    'tsconfig.json',
    'tsconfig.base.json',
    '.mocharc.json',
  ]) {
    const isOurs = (path: string): boolean => basename(path) !== 'node_modules';
    cpSync(join(ROOT, name), join(folder, name), {
      recursive: true,
      filter: isOurs,
      preserveTimestamps: true,
    });
  }
  link(join(ROOT, 'node_modules'), join(folder, 'node_modules'), folder);
  return folder;
}

/** Packages are linked to; our own lead to the copy. */
function link(from: string, to: string, folder: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const { name } = entry;
    if (name === 'lastcall') symlinkSync(join(folder, 'server'), join(to, name));
    else if (name === '@lastcall') {
      mkdirSync(join(to, name));
      for (const own of readdirSync(join(from, name))) {
        symlinkSync(join(folder, own === 'client' ? 'client-sdk' : own), join(to, name, own));
      }
    } else symlinkSync(join(from, name), join(to, name));
  }
}

function must(folder: string, command: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
}

/** What became of a mutant: who noticed it, or how each attempt went that did not. */
interface Verdict {
  readonly found: readonly string[];
  readonly attempts: readonly string[];
}

interface Result {
  readonly status: number | null;
  readonly output: string;
}

/** One suite, in a process of its own that does not outlive its time. */
async function suite(folder: string, file: string, env: Readonly<Record<string, string>>): Promise<Result> {
  const args = [join(ROOT, 'node_modules/mocha/bin/mocha.js'), '--no-parallel', join('test/dist', file)];
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, ...env } });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  return { status, output };
}

/** What noticed it: names of invariants or checkers. */
function noticed({ status, output }: Result): readonly string[] {
  if (status === 0) return [];
  return [...new Set(output.match(FOUND) ?? [])].map((name) => name.replace(': ', ''));
}

/** Why nothing was noticed: a suite that came to no end, or failed for something else, proves less than one that passed. */
function excuse({ status, output }: Result): string {
  if (status === 0) return /^ +0 passing/m.test(output) ? 'left out' : 'passed';
  return status === null ? `no end within ${LIMIT_MS / 1_000} s` : 'failed for something else';
}

/** Whether nothing has to be compiled for it: scripts are read as they are. */
const isOfScripts = (name: string): boolean =>
  !readFileSync(join(ROOT, MUTANTS_FOLDER, name), 'utf8').includes('.ts\n+++');

/** What was compiled is not what stands there. */
let isStale = false;

async function tryOut(folder: string, name: string, mutant: Mutant): Promise<Verdict> {
  const patch = join(ROOT, MUTANTS_FOLDER, name);
  must(folder, 'git', 'apply', patch);
  try {
    if (isStale || !isOfScripts(name)) build(folder);
    isStale = !isOfScripts(name);
    const attempts: string[] = [];
    while (attempts.length < ATTEMPTS) {
      const result = await suite(folder, mutant.suite, { ...SHORT, ...mutant.env });
      const found = noticed(result);
      if (process.env['VERBOSE'] !== undefined) process.stdout.write(result.output);
      if (found.length > 0) return { found, attempts };
      attempts.push(excuse(result));
    }
    return { found: [], attempts };
  } finally {
    must(folder, 'git', 'apply', '-R', patch);
  }
}

/** Compiles, and bundles what brokers run. */
function build(folder: string): void {
  must(folder, join(ROOT, 'node_modules/.bin/tsc'), '-b', 'test');
  must(join(folder, 'server'), process.execPath, 'bundle.js');
}

const wanted = (process.env['MUTANT'] ?? '').split(',').filter((name) => name !== '');
const folder = copy();
let missed = 0;
let caught = 0;
try {
  // Scripts first: nothing is compiled between them.
  for (const name of MUTANTS.toSorted(
    (one, other) => Number(isOfScripts(other)) - Number(isOfScripts(one)),
  )) {
    if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
    const mutant = headerOf(readFileSync(join(ROOT, MUTANTS_FOLDER, name), 'utf8'));
    const { found, attempts } = await tryOut(folder, name, mutant);
    if (found.length === 0) missed += 1;
    else caught += 1;
    const verdict = found.length === 0 ? `MISSED (${attempts.join(', ')})` : `caught by ${found.join(', ')}`;
    process.stdout.write(`${name.replace('.patch', '').padEnd(44)} ${verdict}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${caught} caught, ${missed} missed\n`);
// A name that is misspelt breaks nothing, and proves nothing.
process.exit(missed === 0 && caught > 0 ? 0 : 1);
