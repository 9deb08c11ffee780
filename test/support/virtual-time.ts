import { createHash } from 'node:crypto';
import type { RedisCommands, RedisDriver } from 'lastcall/internal/redis/driver.js';
import { revKey } from 'lastcall/internal/redis/keys.js';
import type { StoreDriver } from 'lastcall/internal/redis/store.js';

/** The line of `_lib.lua` through which every command of every script goes, as it is run at the start of each. */
const SEAM = /(?<=^(?:local call )?)begins\[#begins \+ 1\] = function\(\) call = redis\.call end$/m;
/** Where a script is run, and has run. */
const RUN = /^ {4}return run\(\)$/m;

/**
 * Stands in for it: `TIME` is the second key, a clock of the tenant's own, and whatever has a TTL ends by that clock.
 * Everything else goes to Redis as it is, so that the scripts under test are the real ones.
 */
const VIRTUAL = `begins[#begins + 1] = function()
  local ends = string.sub(KEYS[1], 1, -4) .. 'ends'
  local us = tonumber(KEYS[2])
  local ms = math.floor(us / 1000)
  local function keep(key, ttl)
    redis.call('ZADD', ends, string.format('%.0f', ms + ttl), key)
  end
  local verbs = {
    TIME = function()
      local seconds = math.floor(us / 1000000)
      return { string.format('%.0f', seconds), string.format('%.0f', us - seconds * 1000000) }
    end,
    SET = function(key, value, option, ttl)
      if option == 'GET' then
        redis.call('ZREM', ends, key)
        return redis.call('SET', key, value, 'GET')
      elseif option == nil then
        redis.call('ZREM', ends, key)
      elseif option == 'PX' then
        keep(key, ttl)
      elseif option == 'PXAT' then
        keep(key, ttl - ms)
      else
        error('SET ' .. option .. ' has no virtual time yet')
      end
      return redis.call('SET', key, value)
    end,
    DEL = function(...)
      redis.call('ZREM', ends, ...)
      return redis.call('DEL', ...)
    end,
    PEXPIRE = function(key, ttl)
      local exists = redis.call('EXISTS', key)
      if exists == 1 then keep(key, ttl) end
      return exists
    end,
    PTTL = function(key)
      if redis.call('EXISTS', key) == 0 then return -2 end
      local at = redis.call('ZSCORE', ends, key)
      return at and tonumber(at) - ms or -1
    end,
  }
  call = function(command, ...)
    local verb = verbs[command]
    if verb then return verb(...) end
    return redis.call(command, ...)
  end
end`;

/** Lets go of what has ended before an instant (ms), as Redis does. */
const EXPIRE = `local ends = string.sub(KEYS[1], 1, -4) .. 'ends'
for _, key in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', '(' .. ARGV[1])) do
  redis.call('DEL', key)
  redis.call('ZREM', ends, key)
end`;

/** Changes a script before Redis is given it: mutants are made so. */
export type Mutate = (source: string) => string;

/**
 * Reads, in the same step, what is `wanted` (a script's third key) after it has run. `look` is the body of a function that
 * answers with a text.
 */
const andThen = (look: string): string => `    local said = run()
    if not KEYS[3] then return said end
    local wanted = cjson.decode(KEYS[3])
    local function look()
${look}
    end
    return { said, look() }`;

const digestOf = (source: string): string => createHash('sha1').update(source).digest('hex');

/** A driver under which scripts live in virtual time, a clock per tenant. Tests alone have it. */
export class VirtualDriver implements StoreDriver {
  readonly #driver: RedisDriver;
  readonly #mutate: Mutate;
  readonly #look: string;
  /** What is to be looked at after each script of a tenant, and what was seen last. */
  readonly #wanted = new Map<string, string>();
  readonly #seen = new Map<string, unknown>();
  /** The instant (µs) in each tenant, by the key that its scripts declare. */
  readonly #clocks = new Map<string, number>();
  /** Names of the functions Redis really has, by those of the functions as they are shipped. */
  readonly #names = new Map<string, string>();

  constructor(driver: RedisDriver, { look, mutate = (source) => source }: { look: string; mutate?: Mutate }) {
    this.#driver = driver;
    this.#look = look;
    this.#mutate = mutate;
  }

  get commands(): RedisCommands {
    return this.#driver.commands;
  }

  async fcall(name: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const real = this.#names.get(name);
    if (real === undefined) throw new Error('Function not found: it was not given yet');
    return this.#said(keys, await this.#driver.fcall(real, this.#keysFor(keys), args));
  }

  functionLoad(source: string): Promise<void> {
    return this.#driver.functionLoad(this.#rewrite(source));
  }

  /** None of those as they are shipped. */
  async functionList(): Promise<readonly (readonly string[])[]> {
    return [[]];
  }

  functionDelete(name: string): Promise<void> {
    return this.#driver.functionDelete(this.#names.get(name) ?? name);
  }

  /** Moves the tenant's clock to an instant in microseconds; `expires`: something may end by that. */
  async moveTo(tenant: string, us: number, expires: boolean): Promise<void> {
    this.#clocks.set(revKey(tenant), us);
    if (expires) await this.run(EXPIRE, tenant, [Math.floor(us / 1_000)]);
  }

  /** Forgets a tenant that is not needed any more. */
  leave(tenant: string): void {
    for (const map of [this.#clocks, this.#wanted, this.#seen]) map.delete(revKey(tenant));
  }

  /** Runs a script of the test's own. */
  async run(source: string, tenant: string, args: readonly (string | number)[]): Promise<unknown> {
    return await this.#driver.commands.eval(source, 1, revKey(tenant), ...args);
  }

  /** Has every script of a tenant looked after from now on. */
  watch(tenant: string, wanted: object): void {
    this.#wanted.set(revKey(tenant), JSON.stringify(wanted));
  }

  /** What was seen after the tenant's last script. */
  seen(tenant: string): unknown {
    return this.#seen.get(revKey(tenant));
  }

  /** Looks without a script. */
  look(tenant: string, wanted: object): Promise<unknown> {
    return this.run(`local wanted = cjson.decode(ARGV[1])\n${this.#look}`, tenant, [JSON.stringify(wanted)]);
  }

  #said(keys: readonly string[], reply: unknown): unknown {
    const key = keys[0] ?? '';
    if (!this.#wanted.has(key)) return reply;
    const [said, seen] = reply as [unknown, unknown];
    this.#seen.set(key, seen);
    return said;
  }

  #keysFor(keys: readonly string[]): string[] {
    const us = this.#clocks.get(keys[0] ?? '');
    if (us === undefined) throw new Error('a tenant without a clock');
    const wanted = this.#wanted.get(keys[0] ?? '');
    return [...keys, String(us), ...(wanted === undefined ? [] : [wanted])];
  }

  #rewrite(source: string): string {
    if (!SEAM.test(source) || !RUN.test(source))
      throw new Error('a script without the lines that call Redis');
    const rewritten = this.#mutate(source)
      .replace(SEAM, () => VIRTUAL)
      .replace(RUN, () => andThen(this.#look));
    const [name = ''] = /(?<=^#!lua name=)\w+/.exec(source) ?? [];
    const real = `virtual_${digestOf(rewritten)}`;
    this.#names.set(name, real);
    return rewritten.replaceAll(name, real);
  }
}
