import { LOCK_MUTANTS } from './support/model/lock-mutants.js';
import { seedOf } from './support/model/runner.js';
import { useLockModel } from './support/model/suite.js';

const COMMANDS = Number(process.env['COMMANDS'] ?? 1_000_000);

describe('locks, a million times, as a model has it', function () {
  this.timeout(0);
  const model = useLockModel();

  for (const mutant of LOCK_MUTANTS) {
    it(`notices when ${mutant.what}`, async () => {
      const said = await model().notices(mutant, seedOf('mutant'));
      process.stdout.write(`      ${said.split('\n')[0]?.slice(0, 160)}\n`);
    });
  }

  it('answers, records, holders and queues are those of the model', () => model().holds(COMMANDS));
});
