import { expect } from 'chai';
import type { Core } from 'lastcall/internal/core.js';
import { connectRedis, type RedisDriver } from 'lastcall/internal/redis/driver.js';
import { TestBroker } from '../broker.js';
import { testStore } from '../redis.js';
import { FOUND } from './found.js';
import { expectKilled } from './killed.js';
import { LOCK_FOUND } from './lock-found.js';
import { type LockScript, lockWorlds } from './lock-steps.js';
import { lockTrials } from './lock-world.js';
import type { Mutant } from './mutants.js';
import { orderTrials } from './orders.js';
import { type Kind, runWorlds, seedOf, type VirtualTime, virtualTime } from './runner.js';
import { orderWorlds, type Step } from './steps.js';

/** What a suite needs to hold the scripts against a model; made before its tests, and gone after them. */
export class ModelSuite<W> {
  readonly #kind: Kind<W>;
  readonly #driver: RedisDriver;
  #time: Promise<VirtualTime> | undefined;

  constructor(kind: Kind<W>, driver: RedisDriver) {
    this.#kind = kind;
    this.#driver = driver;
  }

  /** Does these steps in a world of their own. */
  async does(world: W): Promise<void> {
    const begin = this.#kind.begin(await this.#asShipped());
    await begin(world).run();
  }

  /** Expects no difference in so many commands. */
  async holds(atLeast: number): Promise<void> {
    const { title, worlds: arbitrary, begin } = this.#kind;
    const seed = seedOf(title);
    const trials = begin(await this.#asShipped());
    const found = await runWorlds({ worlds: arbitrary, begin: trials, commands: atLeast, seed });
    const { commands, worlds, tookMs } = found;
    process.stdout.write(`      ${commands} commands in ${worlds} worlds, ${tookMs} ms\n`);
    expect(commands).to.be.at.least(atLeast);
  }

  /** Expects the model to notice that a script is wrong; answers what it said. */
  async notices(mutant: Mutant, seed: number): Promise<string> {
    return await expectKilled(mutant, { kind: this.#kind, driver: this.#driver, seed });
  }

  /** The scripts as they are, given to Redis once. */
  #asShipped(): Promise<VirtualTime> {
    this.#time ??= virtualTime(this.#driver);
    return this.#time;
  }

  async close(): Promise<void> {
    await this.#driver.close();
  }
}

const connect = async (): Promise<RedisDriver> =>
  await connectRedis({ url: (await testStore()).url, commandTimeoutMs: 30_000 });

const ofOrders = (core: Core): Kind<readonly Step[]> => ({
  title: 'orders',
  worlds: orderWorlds,
  found: FOUND.map(({ todo }) => todo),
  begin: (time) => orderTrials(time, core),
});

const OF_LOCKS: Kind<LockScript> = {
  title: 'locks',
  worlds: lockWorlds,
  found: LOCK_FOUND.map(({ script }) => script),
  begin: lockTrials,
};

/** A broker that sweeps only when it is told to, and connections to its store, for the tests of a suite. */
export function useOrderModel(): () => ModelSuite<readonly Step[]> {
  let broker: TestBroker;
  let suite: ModelSuite<readonly Step[]>;
  before(async () => {
    broker = await TestBroker.start();
    broker.core.sweeper.stop();
    suite = new ModelSuite(ofOrders(broker.core), await connect());
  });
  after(async () => {
    await suite.close();
    await broker.close();
  });
  return () => suite;
}

/** Connections to a store, for the tests of a suite. */
export function useLockModel(): () => ModelSuite<LockScript> {
  let suite: ModelSuite<LockScript>;
  before(async () => {
    suite = new ModelSuite(OF_LOCKS, await connect());
  });
  after(() => suite.close());
  return () => suite;
}
