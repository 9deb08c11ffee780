import type { Redis } from 'ioredis';
import { assemble, SCRIPT_NAMES } from 'lastcall/internal/redis/scripts.js';
import { percentile } from './stats.js';

/** How long Redis was held by the longer calls of a script, by its own clock, in milliseconds. */
export interface ScriptTime {
  readonly script: string;
  /** Calls that took longer than 0.1 ms. */
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

export interface ScriptTimesOf {
  /** Those that held Redis longest first. */
  readonly scripts: readonly ScriptTime[];
  /** All scripts together, short calls included, in milliseconds. */
  readonly heldMs: number;
}

/** Commands by themselves or within scripts: they take a few µs, so what takes longer was interrupted. */
export const PLAIN = 'plain commands';

/** Entries cost time of the script they are made in: one per command would tell of little else. */
const LONGER_THAN_US = 100;
const LOG_LENGTH = 100_000;

type Entry = [id: number, at: number, tookUs: number, args: string[]];

/** Times scripts by Redis' slow log. */
export class ScriptTimes {
  readonly #redis: Redis;
  readonly #names = new Map<string, string>(SCRIPT_NAMES.map((name) => [assemble(name).called, name]));

  private constructor(redis: Redis) {
    this.#redis = redis;
  }

  static async of(redis: Redis): Promise<ScriptTimes> {
    await redis.config('SET', 'slowlog-max-len', LOG_LENGTH);
    await redis.config('SET', 'slowlog-log-slower-than', LONGER_THAN_US);
    return new ScriptTimes(redis);
  }

  /** What scripts took while `work` was done. */
  async during(work: () => Promise<void>): Promise<ScriptTimesOf> {
    const before = await this.#heldMs();
    await this.#redis.call('SLOWLOG', 'RESET');
    await work();
    const entries = (await this.#redis.call('SLOWLOG', 'GET', -1)) as Entry[];
    const byName = new Map<string, number[]>();
    for (const [, , tookUs, [command = '', called = '']] of entries) {
      const name = this.#nameOf(command.toLowerCase(), called);
      if (name === undefined) continue;
      const known = byName.get(name);
      if (known) known.push(tookUs / 1_000);
      else byName.set(name, [tookUs / 1_000]);
    }
    const scripts = [...byName].map(([script, durations]) => timesOf(script, durations));
    return {
      scripts: scripts.toSorted((a, b) => b.worst - a.worst),
      heldMs: (await this.#heldMs()) - before,
    };
  }

  #nameOf(command: string, called: string): string | undefined {
    if (command === 'fcall') return this.#names.get(called) ?? called;
    return PLAIN_COMMANDS.has(command) ? PLAIN : undefined;
  }

  async #heldMs(): Promise<number> {
    const stats = await this.#redis.info('commandstats');
    return Number(/^cmdstat_fcall:calls=\d+,usec=(\d+)/m.exec(stats)?.[1] ?? 0) / 1_000;
  }
}

const PLAIN_COMMANDS: ReadonlySet<string> = new Set([
  'get',
  'set',
  'hget',
  'hset',
  'hmget',
  'exists',
  'zadd',
  'ping',
]);

function timesOf(script: string, durations: readonly number[]): ScriptTime {
  const sorted = durations.toSorted((a, b) => a - b);
  return {
    script,
    count: sorted.length,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    worst: sorted.at(-1) ?? Number.NaN,
  };
}
