import { expect } from 'chai';
import { read, type Source, sourcesIn } from './support/sources.js';

/** Rules of the specification: `- **S4** A heartbeat renews …`. */
function rulesIn(text: string): string[] {
  return [...text.matchAll(/^- \*\*(?<rule>[A-Z]\d+)\*\* /gm)].map(({ groups = {} }) => groups['rule'] ?? '');
}

const TITLE = /\b(?:describe|context|it)\(\s*(?<quote>['"`])(?<title>(?:\\.|(?!\k<quote>)[^\\])*)\k<quote>/g;
const CITATION = /\[(?<rules>[A-Z]\d+(?:,? ?[A-Z]\d+)*)\]/g;

interface Citation {
  readonly rule: string;
  readonly path: string;
}

/** Rules cited in brackets in the titles of suites and tests: `[S4]`, `[S4, S6]`. */
function citationsIn({ path, text }: Source): Citation[] {
  const titles = [...text.matchAll(TITLE)].map(({ groups = {} }) => groups['title'] ?? '');
  const lists = titles.flatMap((title) =>
    [...title.matchAll(CITATION)].map(({ groups = {} }) => groups['rules'] ?? ''),
  );
  return lists.flatMap((list) => (list.match(/[A-Z]\d+/g) ?? []).map((rule) => ({ rule, path })));
}

describe('the specification', () => {
  const rules = rulesIn(read('docs/spec.md'));
  // This file cites nothing; its examples only look so.
  const others = sourcesIn(['test'], '.test.ts').filter(({ path }) => path !== 'test/spec.test.ts');
  const citations = others.flatMap(citationsIn);

  it('numbers its rules without gaps and names none twice', () => {
    const letters = [...new Set(rules.map((rule) => rule.charAt(0)))];
    expect(letters.join('')).to.equal('PSOMLIAWNKERGCD');
    for (const letter of letters) {
      const group = rules.filter((rule) => rule.startsWith(letter));
      expect(group).to.deep.equal(group.map((_, index) => `${letter}${index + 1}`));
    }
  });

  it('is proved: every rule is cited in the title of a test', () => {
    const cited = new Set(citations.map(({ rule }) => rule));
    expect(rules.filter((rule) => !cited.has(rule))).to.deep.equal([]);
  });

  it('is what titles cite: nobody cites a rule that is not there', () => {
    const known = new Set(rules);
    expect(citations.filter(({ rule }) => !known.has(rule))).to.deep.equal([]);
  });

  it('is read as it is written', () => {
    const text = ['- **S1** One.', '- **S2** Two.', 'As **S3** says.', '- S4 four'].join('\n');
    expect(rulesIn(text)).to.deep.equal(['S1', 'S2']);
  });

  it('is cited in titles alone', () => {
    const text = [
      "describe('[S1] sessions', () => {",
      '  it(`[S2, S3] resume ${count} of them [P1]`, async () => {',
      '  it(',
      '    "[A10] isn\'t lost",',
      "  expect(text, '[S9]').to.equal(1);",
      "  it('lists [a] and S7', () => {",
    ].join('\n');
    const found = citationsIn({ path: 'a.test.ts', text }).map(({ rule }) => rule);
    expect(found).to.deep.equal(['S1', 'S2', 'S3', 'P1', 'A10']);
  });
});
