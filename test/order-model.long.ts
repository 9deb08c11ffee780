import { ORDER_MUTANTS } from './support/model/mutants.js';
import { seedOf } from './support/model/runner.js';
import { useOrderModel } from './support/model/suite.js';

const COMMANDS = Number(process.env['COMMANDS'] ?? 1_000_000);

describe('sessions and orders, a million times, as a model has it', function () {
  this.timeout(0);
  const model = useOrderModel();

  for (const mutant of ORDER_MUTANTS) {
    it(`notices when ${mutant.what}`, async () => {
      const said = await model().notices(mutant, seedOf('mutant'));
      process.stdout.write(`      ${said.split('\n')[0]?.slice(0, 160)}\n`);
    });
  }

  it('answers, records and states are those of the model', () => model().holds(COMMANDS));
});
