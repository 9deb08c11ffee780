import { expect } from 'chai';
import { connectRedis, type RedisDriver } from 'lastcall/internal/redis/driver.js';
import { TestBroker } from './support/broker.js';
import { FOUND } from './support/model/found.js';
import { expectKilled } from './support/model/killed.js';
import { ORDER_MUTANTS } from './support/model/mutants.js';
import { orderTrials } from './support/model/orders.js';
import { runWorlds, seedOf, virtualTime } from './support/model/runner.js';
import { steps } from './support/model/steps.js';
import { testStore } from './support/redis.js';
import { sourcesIn } from './support/sources.js';

const COMMANDS = 20_000;
/** Mutants that are quick to notice; the long form (`npm run test:model`) tries all of them. */
const QUICK = new Set(['a hold that begins late has no cap', 'an ended session is resumed']);

describe('sessions and orders, whatever happens, as a model has it', function () {
  this.timeout(600_000);
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

  it('[P1] [P3] [P4] [S2] [S4] [S6] [S7] [S8] [S11] [O1] [O4] [O5] [O6] [O8] [O9] [O10] [O12] [O13] [O14] [O16] answers, records and states are those of the model', async () => {
    const seed = seedOf('orders');
    const begin = orderTrials(await virtualTime(driver), broker.core);
    const { commands, worlds, tookMs } = await runWorlds({ steps, begin, commands: COMMANDS, seed });
    process.stdout.write(`      ${commands} commands in ${worlds} worlds, ${tookMs} ms\n`);
    expect(commands).to.be.at.least(COMMANDS);
  });

  for (const { title, todo } of FOUND) {
    it(title, async () => {
      const trial = orderTrials(await virtualTime(driver), broker.core)(todo);
      await trial.run();
    });
  }

  for (const mutant of ORDER_MUTANTS.filter(({ what }) => QUICK.has(what))) {
    it(`notices when ${mutant.what}`, async () => {
      await expectKilled(mutant, { core: broker.core, driver, seed: 1 });
    });
  }

  it('[A7] the clock that tests set is in nothing that is shipped', () => {
    const folders = ['shared/src', 'client-sdk/src', 'server/src', 'server/bin', 'server/lua', 'demo/src'];
    const shipped = ['.ts', '.js', '.lua'].flatMap((ending) => sourcesIn(folders, ending));
    expect(shipped.filter(({ text }) => /KEYS\[2\]|virtual.?(?:time|driver)/i.test(text))).to.deep.equal([]);
    const scripts = shipped.filter(({ path }) => path.endsWith('.lua')).map(({ text }) => text);
    expect(scripts.join('\n').match(/redis\.call\b/g)).to.have.length(1);
    expect(scripts.join('\n').match(/'TIME'/g)).to.have.length(1);
  });
});
