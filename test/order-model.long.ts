import { expect } from 'chai';
import { connectRedis, type RedisDriver } from 'lastcall/internal/redis/driver.js';
import { TestBroker } from './support/broker.js';
import { expectKilled } from './support/model/killed.js';
import { ORDER_MUTANTS } from './support/model/mutants.js';
import { orderTrials } from './support/model/orders.js';
import { runWorlds, seedOf, virtualTime } from './support/model/runner.js';
import { steps } from './support/model/steps.js';
import { testStore } from './support/redis.js';

const COMMANDS = Number(process.env['COMMANDS'] ?? 1_000_000);

describe('sessions and orders, a million times, as a model has it', function () {
  this.timeout(0);
  let broker: TestBroker;
  let driver: RedisDriver;

  before(async () => {
    broker = await TestBroker.start();
    broker.core.sweeper.stop();
    driver = await connectRedis({ url: (await testStore()).url, commandTimeoutMs: 30_000 });
  });
  after(async () => {
    await driver.close();
    await broker.close();
  });

  for (const mutant of ORDER_MUTANTS) {
    it(`notices when ${mutant.what}`, async () => {
      const said = await expectKilled(mutant, { core: broker.core, driver, seed: seedOf('mutant') });
      process.stdout.write(`      ${said.split('\n')[0]?.slice(0, 160)}\n`);
    });
  }

  it('answers, records and states are those of the model', async () => {
    const seed = seedOf('orders');
    const begin = orderTrials(await virtualTime(driver), broker.core);
    const { commands, worlds, tookMs } = await runWorlds({ steps, begin, commands: COMMANDS, seed });
    process.stdout.write(`      ${commands} commands in ${worlds} worlds, ${tookMs} ms\n`);
    expect(commands).to.be.at.least(COMMANDS);
  });
});
