import type { RedisDriver } from './driver.js';
import { REGISTRY, revKey } from './keys.js';
import { isUnavailable } from './unavailable.js';

const MAJOR_NEEDED = 7;
/** Nothing is decided by the broker's clock, but its logs and tokens are read by it. */
const DRIFT_WARN_MS = 1_000;
/** Share of maxmemory from which it is told. */
const MEMORY_WARN = 0.9;

export type FindingName =
  | 'reach'
  | 'loading'
  | 'version'
  | 'role'
  | 'mode'
  | 'replicas'
  | 'functions'
  | 'eviction'
  | 'clock'
  | 'persistence'
  | 'memory';

/** One thing that was looked at. `remedy` says what to do, where there is something to do. */
export interface Finding {
  readonly name: FindingName;
  readonly level: 'ok' | 'warn' | 'error';
  readonly message: string;
  readonly remedy?: string;
}

type Info = ReadonlyMap<string, string>;

/**
 * Looks whether Redis is fit for Lastcall: for the start, for `/readyz` and for `lastcall doctor`. Changes nothing and
 * never throws for a Redis out of reach: that is a finding.
 */
export async function checkRedis(
  driver: RedisDriver,
  options: { readonly minReplicas?: number; readonly now?: () => number; readonly name?: string } = {},
): Promise<Finding[]> {
  const { minReplicas = 0, now = Date.now, name = `Redis at ${driver.target}` } = options;
  try {
    const latencyMs = await driver.ping();
    const reach: Finding = {
      name: 'reach',
      level: 'ok',
      message: `${name} answers in ${latencyMs.toFixed(1)} ms.`,
    };
    const info = await readInfo(driver);
    return [
      reach,
      ...(info === undefined ? [] : [checkLoading(info), checkRole(info), checkMode(info, driver)]),
      ...(info === undefined || driver.kind !== 'sentinel' ? [] : [checkReplicas(info, minReplicas)]),
      checkVersion(info),
      checkEviction(info?.get('maxmemory_policy') ?? (await readPolicy(driver))),
      await checkClock(driver, now),
    ];
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    const status = driver.status();
    const reason = status.state === 'lost' ? status.reason : (error as Error).message;
    return [
      {
        name: 'reach',
        level: 'error',
        message: `Redis at ${driver.target} cannot be used: ${reason}.`,
        remedy: 'Check that Redis runs and can be reached from here, and LASTCALL_REDIS_URL.',
      },
    ];
  }
}

/** What a running broker need not look at again and again: for `lastcall doctor`. Throws when Redis is out of reach. */
export async function checkKeeping(driver: RedisDriver): Promise<Finding[]> {
  const info = await readInfo(driver);
  if (info === undefined) return [];
  const save = await unlessForbidden(driver.commands.config('GET', 'save'));
  return [checkPersistence(info, Array.isArray(save) ? String(save[1]) : undefined), checkMemory(info)];
}

function checkPersistence(info: Info, save: string | undefined): Finding {
  const name = 'persistence';
  const remedy = 'Set appendonly yes (CONFIG SET appendonly yes, and in redis.conf).';
  if (info.get('aof_enabled') === '1') {
    if (info.get('aof_last_write_status') !== 'err')
      return { name, level: 'ok', message: 'Redis keeps its data in an append-only file.' };
    const message = 'Redis cannot write its append-only file.';
    return { name, level: 'error', message, remedy: 'Make room on its disk, and see the log of Redis.' };
  }
  const message =
    save === ''
      ? 'Redis keeps nothing on disk: a restart loses orders, blocks and settings.'
      : 'Redis has no append-only file: a crash may lose what came after the last snapshot.';
  return { name, level: 'warn', message, remedy };
}

function checkMemory(info: Info): Finding {
  const name = 'memory';
  const [used, max] = [Number(info.get('used_memory')), Number(info.get('maxmemory'))];
  if (!(max > 0) || used < max * MEMORY_WARN) return { name, level: 'ok', message: 'Redis has memory left.' };
  return {
    name,
    level: 'warn',
    message: `Redis uses ${Math.round((used / max) * 100)} % of its maxmemory: when it is full nobody new is let in.`,
    remedy: 'Raise maxmemory, or keep audit records in Redis for a shorter time.',
  };
}

/** `undefined` when this user may not ask. */
async function readInfo(driver: RedisDriver): Promise<Info | undefined> {
  const text = await unlessForbidden(driver.commands.info());
  return text === undefined
    ? undefined
    : new Map([...text.matchAll(/^(\w+):(.*)\r$/gm)].map(([, name = '', value = '']) => [name, value]));
}

async function readPolicy(driver: RedisDriver): Promise<string | undefined> {
  const reply = await unlessForbidden(driver.commands.config('GET', 'maxmemory-policy'));
  return Array.isArray(reply) ? String(reply[1]) : undefined;
}

/** Rights and managed services may forbid a command: then the answer is not known, which is no failure. */
async function unlessForbidden<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (isUnavailable(error)) throw error;
    return undefined;
  }
}

function checkLoading(info: Info): Finding {
  if (info.get('loading') !== '1')
    return { name: 'loading', level: 'ok', message: 'Redis has its data loaded.' };
  return {
    name: 'loading',
    level: 'error',
    message: 'Redis is still loading its data.',
    remedy: 'Wait; it works by itself when Redis is ready.',
  };
}

function checkVersion(info: Info | undefined): Finding {
  const valkey = info?.get('valkey_version');
  const redis = info?.get('redis_version');
  const name = 'version';
  if (redis === undefined && valkey === undefined) {
    return {
      name,
      level: 'warn',
      message: 'The version of Redis could not be checked: this user may not call INFO.',
      remedy: `Use Redis ${MAJOR_NEEDED}.0 or later, or Valkey; or grant +info to the user.`,
    };
  }
  const shown = valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`;
  if (valkey !== undefined || Number.parseInt(redis ?? '', 10) >= MAJOR_NEEDED) {
    return { name, level: 'ok', message: `${shown} has all that is needed.` };
  }
  return {
    name,
    level: 'error',
    message: `${shown} is too old: the scripts need Redis ${MAJOR_NEEDED}.0 or later.`,
    remedy: `Upgrade to Redis ${MAJOR_NEEDED}.0 or later, or to Valkey.`,
  };
}

/**
 * Looks whether Redis takes functions, which every verb is: tries all that has to do with them, on what is not there. For
 * a Redis that is otherwise fit; each try that fails counts in its statistics, so not for again and again.
 */
export async function checkFunctions(driver: RedisDriver): Promise<Finding> {
  const name = 'functions';
  const nothing = 'lastcall_nothing';
  const rights: Readonly<Record<string, () => Promise<unknown>>> = {
    fcall: () => driver.fcall(nothing, [revKey(REGISTRY)], []),
    'function|load': () => driver.functionLoad(nothing),
    'function|list': () => driver.functionList(nothing),
    'function|delete': () => driver.functionDelete(nothing),
  };
  const missing: string[] = [];
  for (const [right, attempt] of Object.entries(rights)) {
    if (await isForbidden(attempt())) missing.push(right);
  }
  if (missing.length === 0) return { name, level: 'ok', message: 'Redis takes functions.' };
  return {
    name,
    level: 'error',
    message: `This user may not ${missing.join(', ')}: everything the broker does in Redis is a function there.`,
    remedy: `Grant ${missing.map((right) => `+${right}`).join(' ')} to the user.`,
  };
}

/** Any other refusal is of what was tried, not of who did. */
async function isForbidden(attempt: Promise<unknown>): Promise<boolean> {
  try {
    await attempt;
    return false;
  } catch (error) {
    return error instanceof Error && /^NOPERM|unknown (?:sub)?command/i.test(error.message);
  }
}

function checkRole(info: Info): Finding {
  if (info.get('role') !== 'slave') return { name: 'role', level: 'ok', message: 'Redis takes writes.' };
  return {
    name: 'role',
    level: 'error',
    message: 'This Redis is a read-only replica.',
    remedy: 'Point LASTCALL_REDIS_URL at the primary, or use redis+sentinel://… to follow it.',
  };
}

function checkMode(info: Info, driver: RedisDriver): Finding {
  const isCluster = info.get('redis_mode') === 'cluster';
  if (isCluster === (driver.kind === 'cluster')) {
    return { name: 'mode', level: 'ok', message: 'The Redis URL fits the kind of Redis.' };
  }
  return {
    name: 'mode',
    level: 'warn',
    message: isCluster
      ? 'This Redis is a node of a cluster, but LASTCALL_REDIS_URL treats it as a single one.'
      : 'This Redis is no cluster, but LASTCALL_REDIS_URL treats it as one.',
    remedy: isCluster ? 'Use redis+cluster://host:port,host:port.' : 'Use redis://host:port.',
  };
}

/** Redis tells how many replicas are in step only where it is set to refuse writes without them. */
function checkReplicas(info: Info, needed: number): Finding {
  const name = 'replicas';
  const inStep = info.get('min_slaves_good_slaves');
  if (needed === 0) {
    const message = 'LASTCALL_MIN_REPLICAS is 0: a fail-over may lose orders that were answered.';
    return { name, level: 'warn', message, remedy: 'Set it to 1, with min-replicas-to-write 1 in Redis.' };
  }
  if (inStep === undefined) {
    return {
      name,
      level: 'error',
      message:
        'min-replicas-to-write is not set: a primary that was cut off would go on taking writes that are lost.',
      remedy: `Set min-replicas-to-write ${needed} and min-replicas-max-lag 1 on every Redis, or waive it by LASTCALL_MIN_REPLICAS=0.`,
    };
  }
  if (Number(inStep) >= needed) {
    return { name, level: 'ok', message: `${inStep} replicas are in step; ${needed} are needed.` };
  }
  return {
    name,
    level: 'error',
    message: `${inStep} replicas are in step, but LASTCALL_MIN_REPLICAS is ${needed}.`,
    remedy: 'Start replicas, or wait until they have caught up; it works by itself then.',
  };
}

function checkEviction(policy: string | undefined): Finding {
  const name = 'eviction';
  const remedy =
    'Set maxmemory-policy noeviction (CONFIG SET maxmemory-policy noeviction, and in redis.conf).';
  if (policy === 'noeviction')
    return { name, level: 'ok', message: 'A full Redis refuses writes and keeps its data.' };
  if (policy === undefined) {
    const message = 'maxmemory-policy could not be checked: this user may call neither INFO nor CONFIG GET.';
    return { name, level: 'warn', message, remedy };
  }
  const message = `maxmemory-policy is ${policy}: a full Redis would throw away sessions and locks that are in use.`;
  return { name, level: 'error', message, remedy };
}

async function checkClock(driver: RedisDriver, now: () => number): Promise<Finding> {
  const name = 'clock';
  const askedAt = now();
  const time = await unlessForbidden(driver.commands.time());
  if (time === undefined) {
    const message = 'The clock of Redis could not be compared: this user may not call TIME.';
    return { name, level: 'warn', message, remedy: 'Grant +time to the user: the scripts need it, too.' };
  }
  const here = (askedAt + now()) / 2;
  const driftMs = Math.round(Number(time[0]) * 1_000 + Number(time[1]) / 1_000 - here);
  if (Math.abs(driftMs) <= DRIFT_WARN_MS) {
    return {
      name,
      level: 'ok',
      message: `The clocks of Redis and this machine agree within ${Math.abs(driftMs)} ms.`,
    };
  }
  return {
    name,
    level: 'warn',
    message: `The clock of Redis is ${Math.abs(driftMs)} ms ${driftMs > 0 ? 'ahead of' : 'behind'} the one of this machine.`,
    remedy:
      'Let both machines set their clocks by NTP. Deadlines follow the clock of Redis; logs and tokens the other.',
  };
}
