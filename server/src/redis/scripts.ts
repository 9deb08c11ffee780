import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DEFAULT_POLICY } from '@lastcall/shared';
import { joinScript } from './assemble.js';
import type { Fences } from './fences.js';
import { revKey } from './keys.js';

/** Every verb; a test compares this list with the files of `server/lua/`. */
export const SCRIPT_NAMES = [
  'audit_write',
  'block_lift',
  'block_list',
  'block_set',
  'hook_begin',
  'lock_acquire',
  'lock_acquire_many',
  'lock_answer',
  'lock_blockers',
  'lock_break',
  'lock_cancel',
  'lock_check',
  'lock_held',
  'lock_list',
  'lock_places',
  'lock_release',
  'lock_takeover',
  'lock_upgrade',
  'log_renew',
  'log_trim',
  'maintenance_lift',
  'maintenance_set',
  'node_beat',
  'order_ack',
  'order_cancel',
  'order_create',
  'order_delivered',
  'order_extend',
  'order_list',
  'order_preview',
  'order_receipts',
  'order_step',
  'policy_set',
  'right_advance',
  'right_claim',
  'session_abandon',
  'session_beat',
  'session_end',
  'session_list',
  'session_open',
  'session_refresh',
  'session_report',
  'session_resume',
  'session_revive',
  'session_revoke',
  'session_state',
  'sweep',
  'sweep_due',
] as const;
export type ScriptName = (typeof SCRIPT_NAMES)[number];

/** What the loader needs of a Redis client. */
export interface ScriptRunner {
  readonly kind?: 'single' | 'cluster' | 'sentinel';
  evalsha(sha: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  eval(source: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  scriptLoad(source: string): Promise<unknown>;
}

export interface Script {
  readonly name: ScriptName;
  readonly source: string;
  readonly sha: string;
  /** Whether it can grant a lock: then it is told the highest fence that this node heard of, behind its arguments. */
  readonly drawsFences: boolean;
}

const LUA_FOLDER = fileURLToPath(new URL('../../lua/', import.meta.url));

function luaLiteral(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value}'`;
}

/** The contract's defaults as the first line of each script, so that they stand in one place only. */
function defaultsLine(): string {
  const fields = Object.entries(DEFAULT_POLICY).map(([name, value]) => `${name} = ${luaLiteral(value)}`);
  return `local DEFAULT_POLICY = { ${fields.join(', ')} }`;
}

/**
 * Stands before each script on a cluster. While a slot moves, some of a tenant's keys are here and others are there: a script
 * would fail half way at the first key that is not here, or take for missing what has not come yet. Redis refuses a
 * command over two keys that do not exist then, on both sides (`TRYAGAIN`), so that this asks before anything is done.
 * The names belong to nobody.
 */
const WHOLE_SLOT =
  "if type(redis.pcall('EXISTS', KEYS[1] .. ':here', KEYS[1] .. ':there')) == 'table' then return redis.error_reply('TRYAGAIN the tenant is being moved to another node') end\n";

/**
 * Puts a verb together: its `#!lua` line, the defaults, the files its header includes, its body.
 * @param options `onCluster`: its keys may be on their way to another node; `whole`: nothing is left out
 */
export function assemble(
  name: ScriptName,
  { onCluster = false, whole = false }: { readonly onCluster?: boolean; readonly whole?: boolean } = {},
): Script {
  const verb = readFileSync(`${LUA_FOLDER}${name}.lua`, 'utf8');
  const endOfShebang = verb.indexOf('\n') + 1;
  const includes = /Includes: (_[a-z]+(?:(?: |\n-- +)_[a-z]+)*)$/m.exec(verb)?.[1]?.match(/_[a-z]+/g) ?? [];
  const libraries = includes.map((file) => ({
    name: file,
    text: readFileSync(`${LUA_FOLDER}${file}.lua`, 'utf8'),
  }));
  const body = verb.slice(endOfShebang);
  const { head, parts } = joinScript(libraries, body, whole);
  const source = [
    verb.slice(0, endOfShebang),
    onCluster ? WHOLE_SLOT : '',
    defaultsLine(),
    `${head}
`,
    ...parts,
    body,
  ].join('');
  const sha = createHash('sha1').update(source).digest('hex');
  // What a script does not use was left out of it.
  return { name, source, sha, drawsFences: source.includes('function know_fence(') };
}

/** Every verb, by kind of Redis: they are put together once in a process, whatever the number of connections. */
const assembled = new Map<boolean, ReadonlyMap<ScriptName, Script>>();

function scriptsFor(onCluster: boolean): ReadonlyMap<ScriptName, Script> {
  const known = assembled.get(onCluster);
  if (known) return known;
  const scripts = new Map(SCRIPT_NAMES.map((name) => [name, assemble(name, { onCluster })]));
  assembled.set(onCluster, scripts);
  return scripts;
}

export type ScriptObserver = (name: ScriptName, tookMs: number) => void;

/** Runs the verbs by their digest; a Redis that forgot them (restart, fail-over, SCRIPT FLUSH) is given them again. */
export class Scripts {
  readonly #runner: ScriptRunner;
  readonly #fences: Pick<Fences, 'of'>;
  readonly #observe: ScriptObserver;
  readonly #scripts: ReadonlyMap<ScriptName, Script>;

  constructor(runner: ScriptRunner, fences: Pick<Fences, 'of'>, observe: ScriptObserver = () => {}) {
    this.#runner = runner;
    this.#fences = fences;
    this.#observe = observe;
    this.#scripts = scriptsFor(runner.kind === 'cluster');
  }

  /** Loads every script, so that the first use needs no second round trip. */
  async loadAll(): Promise<void> {
    for (const script of this.#scripts.values()) await this.#runner.scriptLoad(script.source);
  }

  /** Runs a verb of a tenant. A script that was not known did not run, so running it again is safe. */
  async run(name: ScriptName, tenant: string, args: readonly (string | number)[]): Promise<unknown> {
    const script = this.#scripts.get(name) as Script;
    const keys = [revKey(tenant)];
    const all = script.drawsFences ? [...args, this.#fences.of(tenant)] : args;
    const startedAt = performance.now();
    try {
      return await this.#runner.evalsha(script.sha, keys, all);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      // Given and run in one: between two commands it could be forgotten again.
      return await this.#runner.eval(script.source, keys, all);
    } finally {
      this.#observe(name, performance.now() - startedAt);
    }
  }
}
