import fc from 'fast-check';

/** The longest world. */
const LONGEST = 80;

/** Milliseconds that often meet: deadlines, holds and sweeps fall on the same instant now and then. */
export const times = (...values: readonly number[]): fc.Arbitrary<number> => fc.constantFrom(...values);
export const anyOf = <const T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** One of what there is, by its place, taken modulo how many there are. */
export const place = fc.noBias(fc.nat({ max: 11 }));
export const flag = (oneIn: number): fc.Arbitrary<boolean> =>
  fc.noBias(fc.nat({ max: oneIn - 1 })).map((drawn) => drawn === 1);

/** A record that counterexamples show in few words. */
export const recordOf = <T extends object>(
  fields: { readonly [K in keyof T]: fc.Arbitrary<T[K]> },
): fc.Arbitrary<T> => fc.record<T>(fields, { noNullPrototype: true });

/** A step by its name, with what belongs to it; `weight` says how often it is drawn. */
export const step = <A extends string, R extends object>(weight: number, name: A, more: fc.Arbitrary<R>) => ({
  weight,
  arbitrary: more.map((rest) => ({ do: name, ...rest })),
});

/** As many steps as may be, shorter ones as often as longer ones. */
export const manyOf = <S>(steps: fc.Arbitrary<S>): fc.Arbitrary<S[]> =>
  fc.noBias(fc.array(steps, { maxLength: LONGEST, size: 'max' }));
