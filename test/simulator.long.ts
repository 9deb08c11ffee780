import { SIMULATOR_MUTANTS } from './support/simulator/mutants.js';
import { expectNoticed } from './support/simulator/noticed.js';

/** Within so many seeds each mutant has to be noticed. */
const SEEDS = 60;

describe('brokers, SDK and store in virtual time, with mistakes in the product', function () {
  this.timeout(0);

  for (const mutant of SIMULATOR_MUTANTS) {
    it(`notices when ${mutant.what}`, async () => {
      const said = await expectNoticed(mutant, SEEDS);
      process.stdout.write(`      ${said.slice(0, 160)}\n`);
    });
  }
});
