import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { command } from '../support/command.js';
import type { RedisServer } from '../support/redis.js';
import type { Sentinels } from '../support/sentinel.js';
import { waitUntil } from '../support/wait.js';
import { largestFile, limitOf, setLimit } from './limits.js';
import { freeze, freezeOften, type Nemesis, repeat, type Stage } from './stage.js';

const FAIL_OVER_LIMIT_MS = 30_000;
const BUSY_MS = 1_500;
/** Less than a command may take: the clients of a broker that alone has no Redis look for another one after that. */
const ALONE_MS = 1_200;
const LONG_MS = 6_000;
/** Reads the time until so much of it has passed, as a script of somebody else could. */
const BUSY = `
local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
local from = now()
while now() - from < ${BUSY_MS} do for _ = 1, 10000 do end end
return 1`;
const STEPS_MS = [60_000, -60_000, 3_600_000, -5_000, 10_000];

function redisOf({ world }: Stage): RedisServer {
  if (!world.redis) throw new Error('this harm needs one redis-server');
  return world.redis;
}

function sentinelsOf({ world }: Stage): Sentinels {
  if (!world.sentinels) throw new Error('this harm needs sentinels');
  return world.sentinels;
}

/** Where Redis keeps its data. */
const dataOf = (stage: Stage): string => join(redisOf(stage).dir, 'appendonlydir');

/** Redis is killed, its data is gone, and it comes back with what is put there instead. */
async function comeBackWith(stage: Stage, put: () => void): Promise<void> {
  await redisOf(stage).kill();
  rmSync(dataOf(stage), { recursive: true, force: true });
  put();
  await stage.pass(stage.random.within(100, 1_000));
  await redisOf(stage).restart();
  await stage.pass(10_000);
}

/** A command past all links. */
async function tell(stage: Stage, ...words: readonly string[]): Promise<void> {
  await command(redisOf(stage).port, ...words);
}

/** Lets the primary fail until there is another one, and puts it right. */
async function failOver(stage: Stage, fail: (primary: RedisServer) => Promise<void>): Promise<RedisServer> {
  const sentinels = sentinelsOf(stage);
  const failed = await sentinels.primary();
  await fail(failed);
  const isOther = async () => (await sentinels.primary().catch(() => failed)) !== failed;
  await waitUntil(isOther, 'another primary', FAIL_OVER_LIMIT_MS);
  return failed;
}

/** Harm to Redis. */
export const STORE_NEMESES: readonly Nemesis[] = [
  {
    id: 'N3',
    name: 'kill -9 of Redis, which has its data on disk',
    topology: 'redis',
    victim: 'redis',
    strike: (stage) =>
      repeat(async () => {
        await redisOf(stage).kill();
        await stage.pass(stage.random.within(100, 1_500));
        await redisOf(stage).restart();
        return await stage.pass(stage.random.within(500, 2_000));
      }),
  },
  {
    id: 'N4',
    name: 'Redis comes back empty',
    topology: 'redis',
    victim: 'redis',
    loses: 'all',
    strike: async (stage) => {
      await stage.pass(stage.random.within(1_000, 2_000));
      await comeBackWith(stage, () => undefined);
    },
  },
  {
    id: 'N5',
    name: 'a frozen Redis',
    topology: 'redis',
    victim: 'redis',
    // Longer than a lease at first.
    strike: (stage) => freezeOften(stage, () => [redisOf(stage)], LONG_MS, [500, 3_000]),
  },
  {
    id: 'N6',
    name: 'a primary that is killed, with Sentinel',
    topology: 'sentinel',
    victim: 'redis',
    loses: 'last',
    strike: async (stage) => {
      await stage.pass(stage.random.within(500, 1_500));
      const failed = await failOver(stage, (primary) => primary.kill());
      await stage.pass(stage.random.within(1_000, 2_000));
      await failed.restart();
      await sentinelsOf(stage).settled();
      await stage.pass(2_000);
    },
  },
  {
    id: 'N7',
    name: 'a primary that wakes up when there is another',
    topology: 'sentinel',
    victim: 'redis',
    loses: 'last',
    strike: async (stage) => {
      await stage.pass(stage.random.within(500, 1_500));
      const failed = await failOver(stage, async (primary) => primary.pause());
      await stage.pass(stage.random.within(0, 500));
      failed.resume();
      await sentinelsOf(stage).settled();
      await stage.pass(3_000);
    },
  },
  {
    id: 'N8',
    name: 'replicas that fall behind',
    topology: 'sentinel',
    victim: 'redis',
    strike: (stage) =>
      repeat(async () => {
        const primary = await sentinelsOf(stage).primary();
        const others = sentinelsOf(stage).servers.filter((one) => one !== primary);
        const frozen = stage.random.next() < 0.5 ? others : others.slice(0, 1);
        return await freeze(stage, frozen, stage.random.within(1_500, 4_000), 1_500);
      }),
  },
  {
    id: 'N16',
    name: "steps of Redis' clock",
    topology: 'redis',
    victim: 'redis',
    bendsTime: true,
    impossible: ({ clock }) => (clock ? undefined : 'there is no C compiler for the clock that can be moved'),
    strike: async (stage) => {
      const { clock } = stage.world;
      await repeat(async () => {
        await stage.pass(stage.random.within(500, 2_000));
        clock?.set(stage.random.pick(STEPS_MS));
        return await stage.pass(stage.random.within(500, 2_000));
      });
      clock?.set(0);
    },
  },
  {
    id: 'N17',
    name: 'FUNCTION FLUSH',
    topology: 'redis',
    victim: 'redis',
    sparesBrokers: true,
    strike: (stage) =>
      repeat(async () => {
        await tell(stage, 'FUNCTION', 'FLUSH');
        return await stage.pass(100);
      }),
  },
  {
    id: 'N18',
    name: 'a full Redis',
    topology: 'redis',
    victim: 'redis',
    strike: (stage) =>
      repeat(async () => {
        await tell(stage, 'CONFIG', 'SET', 'maxmemory', '1mb');
        await stage.pass(stage.random.within(1_000, 3_000));
        await tell(stage, 'CONFIG', 'SET', 'maxmemory', '0');
        return await stage.pass(1_000);
      }),
  },
  {
    id: 'N19',
    name: "somebody else's script that runs for long",
    topology: 'redis',
    victim: 'redis',
    strike: (stage) =>
      repeat(async () => {
        await tell(stage, 'EVAL', BUSY, '0');
        return await stage.pass(stage.random.within(500, 1_500));
      }),
  },
  {
    id: 'N23',
    name: 'a full disk, of Redis and of the archive',
    topology: 'redis',
    victim: 'redis',
    impossible: () => (limitOf(process.pid, 'fsize') === undefined ? 'prlimit is not installed' : undefined),
    strike: (stage) =>
      repeat(async () => {
        const { pid, dir } = redisOf(stage);
        const victims = [pid, ...stage.world.nodes.map(({ broker }) => broker.pid)];
        const before = victims.map((one) => limitOf(one, 'fsize') ?? 'unlimited');
        const limit = largestFile(dir) + stage.random.within(0, 20_000);
        for (const one of victims) setLimit(one, 'fsize', one === pid ? limit : 0);
        await stage.pass(stage.random.within(2_000, 4_000));
        for (const [i, one] of victims.entries()) setLimit(one, 'fsize', before[i] ?? 'unlimited');
        return await stage.pass(1_500);
      }),
  },
  {
    id: 'N25',
    name: 'a frozen Redis, which one broker lost before',
    topology: 'redis',
    victim: 'redis',
    strike: (stage) =>
      repeat(async () => {
        // Its clients turn to brokers that have not noticed yet. What those sent is carried out when Redis goes on.
        const { store } = stage.random.pick(stage.world.nodes);
        store?.disturb({ kind: 'half-open' }, 1);
        await stage.pass(ALONE_MS);
        await freeze(stage, [redisOf(stage)], stage.random.within(3_000, 4_500), 0);
        store?.heal();
        return await stage.pass(2_000);
      }),
  },
  {
    id: 'N26',
    name: 'Redis comes back with what it had some seconds ago',
    topology: 'redis',
    victim: 'redis',
    loses: 'last',
    strike: async (stage) => {
      const before = join(redisOf(stage).dir, 'before');
      await stage.pass(stage.random.within(500, 1_500));
      cpSync(dataOf(stage), before, { recursive: true });
      await stage.pass(stage.random.within(1_000, 3_000));
      await comeBackWith(stage, () => renameSync(before, dataOf(stage)));
    },
  },
];
