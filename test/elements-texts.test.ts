import { expect } from 'chai';

const LANGUAGES = ['ar', 'de', 'es', 'fr', 'pt'];

/** Modules of the elements that no entry has. */
const inside = async (name: string): Promise<Readonly<Record<string, Readonly<Record<string, string>>>>> =>
  import(new URL(`../../client-sdk/dist/banner/${name}.js`, import.meta.url).href);

const placeholdersOf = (text = '') => [...text.matchAll(/\{\w+\}/g)].map(([all]) => all).toSorted();

describe('[E10] the texts of the elements', () => {
  for (const language of LANGUAGES) {
    it(`say in this language what they say in English, with the same placeholders: ${language}`, async () => {
      const { ENGLISH = {} } = await inside('texts');
      const { texts = {} } = await inside(`texts/${language}`);
      expect(Object.keys(texts)).to.have.members(Object.keys(ENGLISH));
      for (const [name, text] of Object.entries(ENGLISH)) {
        expect(texts[name]?.trim(), name).to.have.length.above(0);
        expect(placeholdersOf(texts[name]), name).to.deep.equal(placeholdersOf(text));
      }
    });
  }
});
