import { expect } from 'chai';
import { live } from './support/simulator/campaign.js';
import { expectNoticed, findMutant } from './support/simulator/noticed.js';
import { sourcesIn } from './support/sources.js';

/** A short life: the long form is `npm run test:sim`. */
const SHORT = ['--chaos', '3000', '--rest', '20000'];
/** A mutant that one short world brings to light; `npm run test:sim-mutants` tries all of them. */
const QUICK = 'of the records of a script the last alone is published';

describe('brokers, SDK and store in virtual time', function () {
  this.timeout(120_000);

  it('[P1] [P2] [P3] [P4] [P5] [P6] whatever goes wrong, all is well afterwards; and the same seed is the same history, byte for byte', async () => {
    const [first, second] = await Promise.all([
      live(['--seed', '1', '--count', '2', ...SHORT]),
      live(['--seed', '2', ...SHORT]),
    ]);
    for (const { seed, violations } of first)
      expect(violations, `SEED=${seed} npm run test:sim`).to.deep.equal([]);
    expect(first.map(({ figures }) => figures.records).every((records) => records > 20)).to.equal(true);
    expect(first.at(-1)?.journal === second[0]?.journal, 'the same history').to.equal(true);
    expect(first[0]?.journal === first[1]?.journal, 'the same for another seed').to.equal(false);
  });

  it(`notices when ${QUICK}`, () => expectNoticed(findMutant(QUICK), 2, SHORT));

  it('[A7] nothing of it is in what is shipped', () => {
    const folders = ['shared/src', 'client-sdk/src', 'server/src', 'server/bin', 'server/lua', 'demo/src'];
    const shipped = ['.ts', '.js', '.lua'].flatMap((ending) => sourcesIn(folders, ending));
    expect(shipped.length).to.be.greaterThan(200);
    const found = shipped.filter(({ text }) =>
      /simulat|virtual.?(?:time|clock|socket)|replacePlatform/i.test(text),
    );
    expect(found.map(({ path }) => path)).to.deep.equal([]);
  });
});
