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

/** What the loader needs of a Redis client. On a cluster "Redis" is every primary. */
export interface ScriptRunner {
  readonly kind?: 'single' | 'cluster' | 'sentinel';
  /** Runs a function that Redis has. */
  fcall(name: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Gives Redis a library that it may have already. */
  functionLoad(source: string): Promise<void>;
  /** The names of the libraries that each primary has. */
  functionList(pattern: string): Promise<readonly (readonly string[])[]>;
  /** Takes a library away that may be gone already. */
  functionDelete(name: string): Promise<void>;
}

export interface Script {
  readonly name: ScriptName;
  /** A library of Redis with one function. */
  readonly source: string;
  /** The name of both: the verb's with the digest of the source, so that each version of it has its own. */
  readonly called: string;
  /** Whether it can grant a lock: then it is told the highest fence that this node heard of, behind its arguments. */
  readonly drawsFences: boolean;
}

/** What the names of all libraries begin with. */
const OURS = 'lastcall_';
/** So often a function is given that somebody takes away again. */
const MOST_GIVEN = 5;
/** Digits of the digest in a name. */
const DIGITS = 12;

const LUA_FOLDER = fileURLToPath(new URL('../../lua/', import.meta.url));

function luaLiteral(value: string | number): string {
  return typeof value === 'number' ? String(value) : `'${value}'`;
}

/** The contract's defaults in the first line of each script, so that they stand in one place only. */
function defaultsLine(): string {
  const fields = Object.entries(DEFAULT_POLICY).map(([name, value]) => `${name} = ${luaLiteral(value)}`);
  return `local DEFAULT_POLICY = { ${fields.join(', ')} }`;
}

/**
 * Stands before each run on a cluster. While a slot moves, some of a tenant's keys are here and others are there: a script
 * would fail half way at the first key that is not here, or take for missing what has not come yet. Redis refuses a
 * command over two keys that do not exist then, on both sides (`TRYAGAIN`), so that this asks before anything is done.
 * The names belong to nobody.
 */
const WHOLE_SLOT =
  "if type(redis.pcall('EXISTS', KEYS[1] .. ':here', KEYS[1] .. ':there')) == 'table' then return redis.error_reply('TRYAGAIN the tenant is being moved to another node') end\n";

/** How a run begins: with what it was called with, and nothing of the run before. */
function registration(called: string, flags: string | undefined, onCluster: boolean): string {
  return `end
redis.register_function({
  function_name = '${called}',
  flags = { ${flags === undefined ? '' : `'${flags}'`} },
  callback = function(keys, argv)
    KEYS, ARGV = keys, argv
    ${onCluster ? WHOLE_SLOT : ''}for i = 1, #begins do begins[i]() end
    return run()
  end,
})
`;
}

/**
 * Puts a verb together as a library of Redis: the defaults, the files its header includes, its body. A script run by its
 * digest would declare all its functions each time, an eighth of what a lock took; a function of Redis keeps them.
 * @param options `onCluster`: its keys may be on their way to another node; `whole`: nothing is left out
 */
export function assemble(
  name: ScriptName,
  { onCluster = false, whole = false }: { readonly onCluster?: boolean; readonly whole?: boolean } = {},
): Script {
  const verb = readFileSync(`${LUA_FOLDER}${name}.lua`, 'utf8');
  const endOfShebang = verb.indexOf('\n') + 1;
  const flags = /flags=(\S+)/.exec(verb.slice(0, endOfShebang))?.[1];
  const includes = /Includes: (_[a-z]+(?:(?: |\n-- +)_[a-z]+)*)$/m.exec(verb)?.[1]?.match(/_[a-z]+/g) ?? [];
  const libraries = includes.map((file) => ({
    name: file,
    text: readFileSync(`${LUA_FOLDER}${file}.lua`, 'utf8'),
  }));
  const body = verb.slice(endOfShebang);
  const { head, parts } = joinScript(libraries, body, whole);
  const text = `local KEYS, ARGV, begins = nil, nil, {} ${defaultsLine()}${head}
${parts.join('')}local function run()
${body}`;
  const digest = createHash('sha1').update(`${flags} ${onCluster} ${text}`).digest('hex');
  const called = `${OURS}${name}_${digest.slice(0, DIGITS)}`;
  const source = `#!lua name=${called}\n${text}${registration(called, flags, onCluster)}`;
  // What a script does not use was left out of it.
  return { name, source, called, drawsFences: source.includes('function know_fence(') };
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

/** Runs the verbs; a Redis that does not have them (a new one, FUNCTION FLUSH) is given them. */
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

  /** Gives Redis what it lacks, so that the first use needs no second round trip. */
  async loadAll(): Promise<void> {
    const there = await this.#runner.functionList(`${OURS}*`);
    for (const { called, source } of this.#scripts.values()) {
      if (!there.every((names) => names.includes(called))) await this.#runner.functionLoad(source);
    }
  }

  /**
   * Takes away what other versions left. One that still ran would give it back when it needs it, but for a Redis that is
   * full.
   */
  async unloadOthers(): Promise<void> {
    const ours = new Set([...this.#scripts.values()].map(({ called }) => called));
    const there = await this.#runner.functionList(`${OURS}*`);
    for (const name of new Set(there.flat())) {
      if (!ours.has(name)) await this.#runner.functionDelete(name);
    }
  }

  /** Runs a verb of a tenant. A function that is not there did not run, so running it again is safe. */
  async run(name: ScriptName, tenant: string, args: readonly (string | number)[]): Promise<unknown> {
    const { called, source, drawsFences } = this.#scripts.get(name) as Script;
    const keys = [revKey(tenant)];
    const all = drawsFences ? [...args, this.#fences.of(tenant)] : args;
    const startedAt = performance.now();
    try {
      for (let attempt = 0; ; attempt += 1) {
        // Sent together with the call: it may be taken away again between the two, now and then.
        const given = attempt === 0 ? undefined : this.#runner.functionLoad(source);
        given?.catch(() => undefined);
        try {
          return await this.#runner.fcall(called, keys, all);
        } catch (error) {
          if (!isMissing(error) || attempt === MOST_GIVEN) throw error;
          await given;
        }
      }
    } finally {
      this.#observe(name, performance.now() - startedAt);
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && /^(?:ERR )?Function not found/.test(error.message);
}
