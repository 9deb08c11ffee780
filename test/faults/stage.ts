import type { Random } from '../support/random.js';
import type { People } from './crowd.js';
import type { Topology, World } from './world.js';

/** What a nemesis may lay hands on. */
export interface Stage {
  readonly world: World;
  readonly people: readonly People[];
  readonly random: Random;
  /** Waits, at most as long as faults last; answers whether they go on. */
  readonly pass: (ms: number) => Promise<boolean>;
}

/** One way to do harm (N1 to N26). */
export interface Nemesis {
  readonly id: string;
  readonly name: string;
  readonly topology: Topology;
  /** Whom it harms: of what is done at once nothing harms the same. */
  readonly victim: 'brokers' | 'redis' | 'links' | 'clients';
  /** Whoever cannot reach a broker in time loses the session; without this nobody does. */
  readonly cutsOff?: true;
  /** What was acknowledged may be gone: all of it, or the last moments. */
  readonly loses?: 'all' | 'last';
  /** Brokers and Redis go on as ever. */
  readonly sparesBrokers?: true;
  /** Redis' clock goes back. */
  readonly bendsTime?: true;
  /** Why it cannot be done on this machine. */
  readonly impossible?: (world: World) => string | undefined;
  /** Does harm until the time is over, and puts everything right. */
  readonly strike: (stage: Stage) => Promise<void>;
}

/** Does something again and again until the time is over. */
export async function repeat(act: () => Promise<boolean>): Promise<void> {
  let goesOn = true;
  while (goesOn) goesOn = await act();
}

/** Freezes processes for a while, then lets them and everybody else run again. Answers whether faults go on. */
export async function freeze(
  stage: Pick<Stage, 'pass'>,
  victims: readonly { pause(): void; resume(): void }[],
  ms: number,
  restMs: number,
): Promise<boolean> {
  for (const one of victims) one.pause();
  await stage.pass(ms);
  for (const one of victims) one.resume();
  return await stage.pass(restMs);
}

/** Freezes processes again and again, for a time that is known at first and then at random. */
export async function freezeOften(
  stage: Pick<Stage, 'pass' | 'random'>,
  victims: () => Parameters<typeof freeze>[1],
  firstMs: number,
  [leastMs, mostMs]: readonly [number, number],
): Promise<void> {
  let ms = firstMs;
  await repeat(async () => {
    const goesOn = await freeze(stage, victims(), ms, 1_000);
    ms = stage.random.within(leastMs, mostMs);
    return goesOn;
  });
}
