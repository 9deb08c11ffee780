import fc from 'fast-check';
import type { RedisDriver } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { type Mutate, VirtualDriver } from '../virtual-time.js';
import { OBSERVE } from './observe.js';

/** Worlds that live at the same time: each waits for Redis most of its time. */
const LANES = 8;
/** Worlds of a lane after which it looks whether there were enough commands. */
const BATCH = 10;

/** One world: does the steps in a tenant of its own on the scripts and on the model, and checks what came of it. */
export interface Trial {
  run(): Promise<void>;
  readonly commands: number;
}

export interface Figures {
  readonly commands: number;
  readonly worlds: number;
  readonly tookMs: number;
}

/** Scripts in virtual time, put together once and given to Redis. */
export interface VirtualTime {
  readonly driver: VirtualDriver;
  readonly store: Store;
}

export async function virtualTime(driver: RedisDriver, mutate?: Mutate): Promise<VirtualTime> {
  const virtual = new VirtualDriver(driver, { look: OBSERVE, ...(mutate ? { mutate } : {}) });
  const store = new Store(virtual);
  await store.load();
  return { driver: virtual, store };
}

/** Worlds of one kind: random ones, those that something was found with once, and how each is done. */
export interface Kind<W> {
  readonly title: string;
  readonly worlds: fc.Arbitrary<W>;
  readonly found: readonly W[];
  readonly begin: (time: VirtualTime) => (world: W) => Trial;
}

/** The seed of this run; `SEED=` repeats one. */
export function seedOf(title: string): number {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
  process.stdout.write(`      ${title}: seed ${seed} (SEED=${seed} repeats it)\n`);
  return seed;
}

/**
 * Runs random worlds until there were so many commands.
 * @throws Error with the shortest steps that were found to fail (those found first, when it need not be short)
 */
export async function runWorlds<W>(options: {
  readonly worlds: fc.Arbitrary<W>;
  readonly begin: (world: W) => Trial;
  readonly commands: number;
  readonly seed: number;
  readonly short?: boolean;
}): Promise<Figures> {
  const startedAt = performance.now();
  let commands = 0;
  let worlds = 0;
  // Once a lane has a counterexample the others leave it the machine.
  let failing: number | undefined;
  const property = (lane: number) =>
    fc.asyncProperty(options.worlds, async (world) => {
      if (failing === undefined ? commands >= options.commands : failing !== lane) return;
      const trial = options.begin(world);
      try {
        await trial.run();
      } catch (error) {
        failing ??= lane;
        throw error;
      } finally {
        commands += trial.commands;
        worlds += 1;
      }
    });
  const runLane = async (lane: number): Promise<void> => {
    for (let batch = 0; commands < options.commands; batch += 1) {
      if (failing !== undefined) return;
      const seed = options.seed + lane + LANES * batch;
      await fc.assert(property(lane), { seed, numRuns: BATCH, endOnFailure: !(options.short ?? true) });
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, (_, lane) => runLane(lane)));
  const failed = lanes.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  return { commands, worlds, tookMs: Math.round(performance.now() - startedAt) };
}
