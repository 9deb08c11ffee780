import { anchorOf, Html, html, prose } from './html.js';

// Schemas as people read them. They come from our own documents, which have no circles but by reference.

/** As much of JSON Schema as our documents have. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly required?: readonly string[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

/** Deeper than our documents go. */
const MAX_DEPTH = 8;

const list = (parts: readonly Html[], between: string): Html =>
  new Html(parts.map(({ text }) => text).join(between));

function linkTo(ref: string): Html {
  const name = ref.slice(ref.lastIndexOf('/') + 1);
  return html`<a href="#${anchorOf('schema', name)}">${name}</a>`;
}

function boundsOf(least: number | undefined, most: number | undefined, unit: string): string {
  const largest = most === Number.MAX_SAFE_INTEGER ? undefined : most;
  if (least === undefined && largest === undefined) return '';
  if (least !== undefined && largest !== undefined) return ` ${least}–${largest}${unit}`;
  return least === undefined ? ` ≤ ${largest ?? ''}${unit}` : ` ≥ ${least}${unit}`;
}

function plainOf(schema: Schema): string {
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? ['anything']);
  const bounds = `${boundsOf(schema.minimum, schema.maximum, '')}${boundsOf(schema.minLength, schema.maxLength, ' characters')}`;
  return `${types.join(' or ')}${schema.format === undefined ? '' : ` (${schema.format})`}${bounds}`;
}

/** What a value may be, in a few words. */
export function typeOf(schema: Schema, depth = 0): Html {
  if (depth > MAX_DEPTH) return html`…`;
  const { $ref, enum: words, items, oneOf, anyOf, allOf, properties, additionalProperties: other } = schema;
  const deeper = (one: Schema): Html => typeOf(one, depth + 1);
  if ($ref !== undefined) return linkTo($ref);
  if (schema.const !== undefined) return html`<code>${JSON.stringify(schema.const)}</code>`;
  if (words)
    return list(
      words.map((word) => html`<code>${JSON.stringify(word)}</code>`),
      ' | ',
    );
  const choices = oneOf ?? anyOf;
  if (choices) return list(choices.map(deeper), ' or ');
  if (allOf) return list(allOf.map(deeper), ' and ');
  const entries = boundsOf(schema.minItems, schema.maxItems, ' entries');
  if (items) return html`list of ${deeper(items)}${entries === '' ? '' : `,${entries}`}`;
  const fields = Object.values(properties ?? {});
  if (fields.length > 0 && fields.length <= SHORT && fields.every(isPlain)) return lineOf(schema);
  if (fields.length > 0) return fieldsOf(schema, depth + 1);
  if (typeof other === 'object') return html`object, each ${deeper(other)}`;
  return html`${plainOf(schema)}`;
}

/** Objects of so many plain fields fit into a line. */
const SHORT = 3;

function isPlain({ properties, items, oneOf, anyOf, allOf }: Schema): boolean {
  return [properties, items, oneOf, anyOf, allOf].every((part) => part === undefined);
}

/** A small object on one line, such as `{ ok: true }`. */
function lineOf({ properties = {}, required = [] }: Schema): Html {
  const fields = Object.entries(properties).map(
    ([name, field]) => html`<code>${name}${required.includes(name) ? '' : '?'}:</code> ${typeOf(field)}`,
  );
  return html`{ ${list(fields, ', ')} }`;
}

/** The fields of an object, one under the other. */
function fieldsOf({ properties = {}, required = [] }: Schema, depth: number): Html {
  const rows = Object.entries(properties).map(([name, field]) => {
    const mark = required.includes(name) ? '' : '?';
    const note = field.description === undefined ? undefined : html` – ${prose(field.description)}`;
    return html`<li><code>${name}${mark}</code> ${typeOf(field, depth)}${note}</li>`;
  });
  return html`<ul class="fields">${rows}</ul>`;
}

export type Schemas = Readonly<Record<string, Schema>>;

/** A schema with its fields, also when it is a component. */
export function openOf({ $ref = '', ...schema }: Schema, schemas: Schemas): Html {
  const name = $ref.slice($ref.lastIndexOf('/') + 1);
  return name === '' ? typeOf(schema) : html`<p>${linkTo($ref)}</p>${typeOf(schemas[name] ?? {})}`;
}

/** Every component that something refers to. */
export function schemaSection(schemas: Schemas): readonly Html[] {
  return Object.keys(schemas)
    .toSorted()
    .map((name) => {
      const schema = schemas[name] ?? {};
      return html`<section id="${anchorOf('schema', name)}"><h3>${name}</h3>${typeOf(schema)}</section>`;
    });
}
