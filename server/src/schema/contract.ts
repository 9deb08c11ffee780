import type { z } from 'zod';

/** A type in which `readonly` is forgotten, and optional fields are told apart from required ones by assignability. */
type Plain<T> = T extends readonly (infer Item)[]
  ? { list: Plain<Item> }
  : T extends object
    ? {
        -readonly [K in keyof T]-?: Partial<Pick<T, K>> extends Pick<T, K>
          ? { optional: Plain<Exclude<T[K], undefined>> }
          : { required: Plain<Exclude<T[K], undefined>> };
      }
    : T;

/** `true` only if both types have the same fields, optional ones included. */
export type Same<A, B> = [Plain<A>] extends [Plain<B>]
  ? [Plain<B>] extends [Plain<A>]
    ? true
    : false
  : false;

/**
 * Holds a schema equal to a type of the contract: a field that only one of them has does not compile.
 *
 * @example const appSchema = contract<App>()(z.strictObject({ name: z.string(), version: z.string().optional() }));
 */
export function contract<T>() {
  return <S extends z.ZodType>(
    schema: S,
    ..._drift: Same<z.output<S>, T> extends true ? [] : [drift: 'schema and type differ']
  ): z.ZodType<T> => schema as unknown as z.ZodType<T>;
}
