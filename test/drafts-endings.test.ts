import { expect } from 'chai';
import { ENDINGS, HANDLERS, type Outcome, outcomeOf } from './support/endings.js';
import { read } from './support/sources.js';

interface Row extends Outcome {
  readonly dirty: boolean;
}

describe('[K16] work that was not saved', () => {
  const rows: Row[] = [];

  for (const [what, ending] of Object.entries(ENDINGS)) {
    it(`is on the server or in the draft when ${what}`, async () => {
      for (const handler of HANDLERS) {
        for (const dirty of [true, false]) {
          const outcome = await outcomeOf(ending, handler, dirty);
          rows.push({ ...outcome, dirty });
          const name = `${handler}, ${dirty ? 'dirty' : 'clean'}`;
          expect(outcome.onServer || outcome.inDraft, name).to.equal(dirty);
          if (!dirty) expect(outcome.ran, name).to.equal(0);
        }
      }
    });
  }

  it('is counted as the documents say', () => {
    const dirty = rows.filter((row) => row.dirty);
    const saved = dirty.filter(({ onServer }) => onServer);
    const both = dirty.filter(({ onServer, inDraft }) => onServer && inDraft);
    const figures =
      `Of ${rows.length} cases ${dirty.length} had unsaved work: ${saved.length} have it on the server, ` +
      `${dirty.length - saved.length} in the draft, ${both.length} in both, none nowhere.`;
    expect(read('docs/reliability.md').replaceAll(/\s+/g, ' ')).to.include(figures);
  });
});
