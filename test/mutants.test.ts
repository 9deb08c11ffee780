import { spawnSync } from 'node:child_process';
import { expect } from 'chai';
import { INVARIANTS } from './faults/invariants.js';
import { headerOf, MUTANTS, MUTANTS_FOLDER } from './faults/mutant.js';
import { CHECKERS } from './support/histories/check.js';
import { ROOT, read } from './support/sources.js';

/** `npm run test:mutants` breaks the product in each of these ways, and looks whether it is noticed. */
describe('mutants', () => {
  const known = new Set([...INVARIANTS.map(({ id }) => id), ...Object.keys(CHECKERS)]);

  it('are 30 at least, and each says what it breaks and who is to notice', () => {
    expect(MUTANTS.length).to.be.at.least(30);
    for (const name of MUTANTS) {
      const { breaks, noticedBy, suite } = headerOf(read(MUTANTS_FOLDER + name));
      expect(breaks, name).to.match(/\.$/);
      expect(known, name).to.include(noticedBy);
      expect(suite, name).to.match(/\.js$/);
    }
    expect(new Set(MUTANTS.map((name) => headerOf(read(MUTANTS_FOLDER + name)).breaks)).size).to.equal(
      MUTANTS.length,
    );
  });

  it('can be made of the product as it is', () => {
    const failed = MUTANTS.flatMap((name) => {
      const args = ['apply', '--check', MUTANTS_FOLDER + name];
      const { status, stderr } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
      return status === 0 ? [] : [`${name}: ${stderr.trim()}`];
    });
    expect(failed).to.deep.equal([]);
  });
});
