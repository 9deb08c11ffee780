import type { Language } from './languages.js';

/** A text, or one per plural form of its language, chosen by `{count}`. */
export type Text = string | ({ readonly other: string } & { readonly [F in Intl.LDMLPluralRule]?: string });

/** A page's texts in one language; every language has those that English has. */
export type Texts<K extends string> = Readonly<Record<K, Text>>;
export type Dictionary<K extends string> = Readonly<Record<Language, Texts<K>>>;
export type Values = Readonly<Record<string, string | number>>;
/** Gives the text of a key, with its `{names}` filled in; numbers are written as the language has them. */
export type Say<K extends string> = (key: K, values?: Values) => string;

const numbers = new Map<Language, Intl.NumberFormat>();
const plurals = new Map<Language, Intl.PluralRules>();

function once<T>(known: Map<Language, T>, language: Language, make: () => T): T {
  const found = known.get(language);
  if (found !== undefined) return found;
  const made = make();
  known.set(language, made);
  return made;
}

export const numberIn = (language: Language): Intl.NumberFormat =>
  once(numbers, language, () => new Intl.NumberFormat(language));

function formOf(text: Text, language: Language, count: unknown): string {
  if (typeof text === 'string') return text;
  const rules = once(plurals, language, () => new Intl.PluralRules(language));
  return text[rules.select(Number(count))] ?? text.other;
}

/** A function that says a dictionary's texts in a language. */
export function sayer<K extends string>(dictionary: Dictionary<K>, language: Language): Say<K> {
  const texts = dictionary[language];
  return (key, values = {}) =>
    formOf(texts[key], language, values['count']).replaceAll(/\{(\w+)\}/g, (mark, name: string) => {
      const value = values[name];
      if (value === undefined) return mark;
      return typeof value === 'number' ? numberIn(language).format(value) : value;
    });
}
