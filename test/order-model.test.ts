import { expect } from 'chai';
import { FOUND } from './support/model/found.js';
import { ORDER_MUTANTS } from './support/model/mutants.js';
import { useOrderModel } from './support/model/suite.js';
import { sourcesIn } from './support/sources.js';

/** As many as fit the suite; a million: `npm run test:model`. */
const COMMANDS = 6_000;
/** Mutants that are quick to notice; the long form (`npm run test:model`) tries all of them. */
const QUICK = new Set(['a hold that begins late has no cap', 'an ended session is resumed']);

describe('sessions and orders, whatever happens, as a model has it', function () {
  this.timeout(600_000);
  const model = useOrderModel();

  it('[P1] [P3] [P4] [S2] [S4] [S6] [S7] [S8] [S11] [O1] [O4] [O5] [O6] [O8] [O9] [O10] [O12] [O13] [O14] [O16] answers, records and states are those of the model', () =>
    model().holds(COMMANDS));

  for (const { title, todo } of FOUND) {
    it(title, () => model().does(todo));
  }

  for (const mutant of ORDER_MUTANTS.filter(({ what }) => QUICK.has(what))) {
    it(`notices when ${mutant.what}`, async () => {
      await model().notices(mutant, 1);
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
