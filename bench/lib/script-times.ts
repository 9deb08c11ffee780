import type { Redis } from 'ioredis';
import { assemble, SCRIPT_NAMES } from 'lastcall/internal/redis/scripts.js';
import { percentile } from './stats.js';

/** How long Redis was held by a script, by its own clock, in milliseconds. */
export interface ScriptTime {
  readonly script: string;
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  readonly sum: number;
}

/** More entries than any phase makes. */
const LOG_LENGTH = 200_000;

type Entry = [id: number, at: number, tookUs: number, args: string[]];

/** Times scripts by Redis' slow log, which is set to keep every command. */
export class ScriptTimes {
  readonly #redis: Redis;
  readonly #names = new Map(SCRIPT_NAMES.map((name) => [assemble(name).sha, name]));

  private constructor(redis: Redis) {
    this.#redis = redis;
  }

  static async of(redis: Redis): Promise<ScriptTimes> {
    await redis.config('SET', 'slowlog-max-len', LOG_LENGTH);
    await redis.config('SET', 'slowlog-log-slower-than', 0);
    return new ScriptTimes(redis);
  }

  /** The scripts that ran while `work` was done, those that held Redis longest first. */
  async during(work: () => Promise<void>): Promise<ScriptTime[]> {
    await this.#redis.call('SLOWLOG', 'RESET');
    await work();
    const entries = (await this.#redis.call('SLOWLOG', 'GET', -1)) as Entry[];
    const bySha = new Map<string, number[]>();
    for (const [, , tookUs, [command = '', sha = '']] of entries) {
      if (command.toLowerCase() !== 'evalsha') continue;
      const known = bySha.get(sha);
      if (known) known.push(tookUs / 1_000);
      else bySha.set(sha, [tookUs / 1_000]);
    }
    const times = [...bySha].map(([sha, durations]) => {
      const sorted = durations.toSorted((a, b) => a - b);
      return {
        script: this.#names.get(sha) ?? sha.slice(0, 8),
        count: sorted.length,
        p50: percentile(sorted, 0.5),
        p99: percentile(sorted, 0.99),
        worst: sorted.at(-1) ?? Number.NaN,
        sum: sorted.reduce((sum, ms) => sum + ms, 0),
      };
    });
    return times.toSorted((a, b) => b.worst - a.worst);
  }
}
