import { expect } from 'chai';
import fc from 'fast-check';
import { connectRedis, type RedisDriver } from 'lastcall/internal/redis/driver.js';
import { Store } from 'lastcall/internal/redis/store.js';
import { TestBroker } from './support/broker.js';
import { checkHistory } from './support/history.js';
import { Bench } from './support/model/bench.js';
import { type Step, steps } from './support/model/steps.js';
import { World } from './support/model/world.js';
import { testStore } from './support/redis.js';
import { VirtualDriver } from './support/virtual-time.js';

/** Worlds that live at the same time: each waits for Redis most of its time. */
const LANES = 8;
const LONGEST = 80;
const COMMANDS = Number(process.env['MODEL_COMMANDS'] ?? 20_000);

describe('orders and sessions, whatever happens', function () {
  this.timeout(0);
  let broker: TestBroker;
  let driver: RedisDriver;

  before(async () => {
    broker = await TestBroker.start();
    broker.core.sweeper.stop();
    driver = await connectRedis({ url: (await testStore()).url });
  });
  after(async () => {
    await driver.close();
    await broker.close();
  });

  it('[P1] [P3]', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31);
    process.stdout.write(`      seed ${seed} (SEED=${seed} repeats it)\n`);
    const virtual = new VirtualDriver(driver);
    await new Store(virtual).load();
    let commands = 0;
    let runs = 0;
    /** Once a lane has a counterexample the others let it have the machine. */
    let failing: number | undefined;
    const startedAt = performance.now();
    const holds = async (number: number, todo: readonly Step[]): Promise<void> => {
      if (failing !== undefined && failing !== number) return;
      const bench = new Bench(virtual);
      try {
        await new World(bench).run(todo);
        await checkHistory(broker.core, bench.tenant);
      } catch (error) {
        failing ??= number;
        throw error;
      } finally {
        commands += bench.commands;
        runs += 1;
      }
    };
    const world = fc.noBias(fc.array(steps, { maxLength: LONGEST, size: 'max' }));
    const lane = async (number: number): Promise<void> => {
      // Batches, so that the number of commands decides when it is enough.
      for (let batch = 0; commands < COMMANDS && failing === undefined; batch += 1) {
        const options = { seed: seed + number + LANES * batch, numRuns: 10 };
        await fc.assert(
          fc.asyncProperty(world, (todo) => holds(number, todo)),
          options,
        );
      }
    };
    const lanes = Array.from({ length: LANES }, (_, number) => lane(number));
    const failed = (await Promise.allSettled(lanes)).find(({ status }) => status === 'rejected');
    const took = Math.round(performance.now() - startedAt);
    process.stdout.write(`      ${commands} commands in ${runs} worlds, ${took} ms\n`);
    if (failed?.status === 'rejected') throw failed.reason;
    expect(commands).to.be.at.least(COMMANDS);
  });
});
