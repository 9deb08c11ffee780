import { LOCK_FOUND } from './support/model/lock-found.js';
import { LOCK_MUTANTS } from './support/model/lock-mutants.js';
import { useLockModel } from './support/model/suite.js';

/** So many at least have to hold whenever anything is changed; a million: `npm run test:model`. */
const COMMANDS = 20_000;
/** Mutants that are quick to notice; the long form (`npm run test:model`) tries all of them. */
const QUICK = new Set(['newcomers barge past those who wait', 'a session waits behind itself']);

describe('locks, whatever happens, as a model has it', function () {
  this.timeout(600_000);
  const model = useLockModel();

  it('[P2] [P4] [L1] [L2] [L3] [L4] [L5] [L6] [L7] [L8] [L9] [L10] [L11] [L12] [L13] [L14] [L15] [L16] [L17] [L18] [L19] [L20] [L22] [L26] answers, records, holders and queues are those of the model', () =>
    model().holds(COMMANDS));

  for (const { title, script } of LOCK_FOUND) {
    it(title, () => model().does(script));
  }

  for (const mutant of LOCK_MUTANTS.filter(({ what }) => QUICK.has(what))) {
    it(`notices when ${mutant.what}`, async () => {
      await model().notices(mutant, 1);
    });
  }
});
