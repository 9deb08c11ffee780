import { expect } from 'chai';
import type { Core } from 'lastcall/internal/core.js';
import { connectRedis, type RedisDriver } from 'lastcall/internal/redis/driver.js';
import { TestBroker } from '../broker.js';
import { testStore } from '../redis.js';
import { orderTrials } from './orders.js';
import { runWorlds, seedOf, virtualTime } from './runner.js';
import { type Step, steps } from './steps.js';

/** What a suite needs to hold the scripts against the model; made before its tests, and gone after them. */
export class OrderModel {
  readonly core: Core;
  readonly driver: RedisDriver;

  constructor(core: Core, driver: RedisDriver) {
    this.core = core;
    this.driver = driver;
  }

  /** Does these steps in a world of their own. */
  async does(todo: readonly Step[]): Promise<void> {
    await orderTrials(await virtualTime(this.driver), this.core)(todo).run();
  }

  /** Expects no difference in so many commands. */
  async holds(atLeast: number): Promise<void> {
    const seed = seedOf('orders');
    const begin = orderTrials(await virtualTime(this.driver), this.core);
    const { commands, worlds, tookMs } = await runWorlds({ steps, begin, commands: atLeast, seed });
    process.stdout.write(`      ${commands} commands in ${worlds} worlds, ${tookMs} ms\n`);
    expect(commands).to.be.at.least(atLeast);
  }
}

/** A broker that sweeps only when it is told to, and connections to its store, for the tests of a suite. */
export function useOrderModel(): () => OrderModel {
  let broker: TestBroker;
  let model: OrderModel;
  before(async () => {
    broker = await TestBroker.start();
    broker.core.sweeper.stop();
    const { url } = await testStore();
    model = new OrderModel(broker.core, await connectRedis({ url, commandTimeoutMs: 30_000 }));
  });
  after(async () => {
    await model.driver.close();
    await broker.close();
  });
  return () => model;
}
