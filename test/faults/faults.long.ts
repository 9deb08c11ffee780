import { expect } from 'chai';
import { Random } from '../support/random.js';
import { needsRedisServer } from '../support/redis.js';
import { NEMESES } from './nemeses.js';
import { type Outcome, Run, type Settings } from './run.js';
import type { Nemesis } from './stage.js';
import { type Topology, World } from './world.js';

/** `NEMESIS=N1,N9` runs only those; each `ROUNDS` times; then `MIX` runs of two or three at once. */
const WANTED = (process.env['NEMESIS'] ?? '').split(',').filter((id) => id !== '');
const IDS = [...NEMESES.map(({ id }) => id), 'none'];
const numberOf = (name: string, usual: number): number => {
  const number = Number(process.env[name] ?? usual);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${name} must be a whole number`);
  return number;
};
const ROUNDS = numberOf('ROUNDS', 1);
const MIX = numberOf('MIX', 0);
// What is misspelt would run nothing, and find nothing.
const unknown = WANTED.filter((id) => !IDS.includes(id));
if (unknown.length > 0) throw new Error(`NEMESIS=${unknown.join()} is none; there are ${IDS.join(', ')}`);
const TIMES = {
  faultMs: numberOf('FAULT_MS', 8_000),
  quietMs: numberOf('QUIET_MS', 4_000),
  people: numberOf('PEOPLE', 90),
  hands: 10,
  orders: 10,
};
const MOST_TOLD = 20;
const MOST_CHARACTERS = 500;
const MOST_SEEDS = 1_000_000_000;

// Each process of a world ends with this one.
process.setMaxListeners(64);

/** One world after the other: it goes on until something is wrong in it, or another kind is needed. */
class Stand {
  #world: World | undefined;
  readonly #random = new Random();

  async on(topology: Topology): Promise<World> {
    if (this.#world?.topology === topology) return this.#world;
    await this.clear();
    this.#world = await World.build(topology, this.#random);
    return this.#world;
  }

  async clear(): Promise<void> {
    const world = this.#world;
    this.#world = undefined;
    await world?.remove();
  }
}

describe('faults: everything that goes wrong, and what holds all the same', function () {
  this.timeout(300_000);
  const random = new Random();
  const stand = new Stand();
  const outcomes: Outcome[] = [];

  before(function () {
    needsRedisServer(this, 'the fault suite');
  });
  after(async () => {
    await stand.clear();
    for (const line of tableOf(outcomes)) process.stdout.write(`${line}\n`);
  });

  async function carryOut(context: Mocha.Context, nemeses: readonly Nemesis[], seed: number): Promise<void> {
    const [{ topology }] = nemeses as [Nemesis];
    const world = await stand.on(topology);
    for (const { id, impossible } of nemeses) {
      const why = impossible?.(world);
      if (why === undefined) continue;
      process.stderr.write(`  ${id} left out: ${why}\n`);
      context.skip();
    }
    const settings: Settings = { ...TIMES, seed };
    const outcome = await Run.of(world, nemeses, settings).catch(async (error: unknown) => {
      await stand.clear();
      throw error;
    });
    outcomes.push(outcome);
    if (outcome.violations.length === 0) return;
    await stand.clear();
    // A comparison would be too long to be shown.
    const told = outcome.violations.slice(0, MOST_TOLD).map((line) => line.slice(0, MOST_CHARACTERS));
    expect.fail(`${outcome.violations.length} violations:\n${told.join('\n')}`);
  }

  for (const nemesis of NEMESES.filter(({ id }) => WANTED.length === 0 || WANTED.includes(id))) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const seed = round === 0 ? random.seed : random.within(1, MOST_SEEDS);
      it(`${nemesis.id} ${nemesis.name} (SEED=${seed} NEMESIS=${nemesis.id})`, async function () {
        await carryOut(this, [nemesis], seed);
      });
    }
  }

  for (let i = 0; i < MIX; i += 1) {
    const seed = i === 0 ? random.seed : random.within(1, MOST_SEEDS);
    const nemeses = mixOf(new Random(seed));
    const names = nemeses.map(({ id }) => id).join(',');
    it(`${names} at once (SEED=${seed} MIX=1 NEMESIS=none)`, async function () {
      await carryOut(this, nemeses, seed);
    });
  }
});

/** Two or three that are possible in the same world, each with victims of its own. */
function mixOf(random: Random): readonly Nemesis[] {
  const mix = [random.pick(NEMESES)];
  for (let more = random.within(1, 2); more > 0; more -= 1) {
    const others = NEMESES.filter(
      (one) => isWithin(mix, one) && mix.every(({ victim }) => victim !== one.victim),
    );
    if (others.length > 0) mix.push(random.pick(others));
  }
  return mix;
}

/** With Sentinel, brokers and clients can be harmed as well. */
function isWithin([first]: readonly Nemesis[], { topology, victim }: Nemesis): boolean {
  return (
    first?.topology === topology ||
    (first?.topology === 'sentinel' && (victim === 'brokers' || victim === 'clients'))
  );
}

/** A table for docs/reliability.md. */
function tableOf(outcomes: readonly Outcome[]): readonly string[] {
  return [
    '| nemesis | seed | sessions | operations | records | violations |',
    '|---|---|---|---|---|---|',
    ...outcomes.map(
      ({ nemeses, seed, sessions, operations, records, violations }) =>
        `| ${[nemeses.join(' + '), seed, sessions, operations, records, violations.length || 'none'].join(' | ')} |`,
    ),
  ];
}
