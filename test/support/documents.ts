import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

/** Checks values against the schemas of a document, as somebody would who has nothing but the document. */
export class DocumentChecker {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #made = new Map<string, ValidateFunction>();

  constructor(document: object) {
    formats.default(this.#ajv);
    this.#ajv.addSchema(document, 'document');
  }

  /** What is wrong with a value, seen from the schema at a place such as `#/components/schemas/Order`. */
  problems(value: unknown, place: string): string[] {
    const check = this.#made.get(place) ?? this.#ajv.compile({ $ref: `document${place}` });
    this.#made.set(place, check);
    if (check(value)) return [];
    return (check.errors ?? []).map(
      ({ instancePath, message }) => `${place}: ${instancePath} ${message ?? ''}`,
    );
  }
}

/** A key as it stands in a JSON pointer that is part of an address. */
export const pointerTo = (...keys: readonly string[]): string =>
  `#/${keys.map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
