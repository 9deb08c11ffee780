import { anchorOf, type Html, html, prose } from './html.js';
import { openOf, type Schema, type Schemas, typeOf } from './schemas.js';

// The calls over HTTP, from the OpenAPI document.

interface Media {
  readonly schema?: Schema;
  readonly examples?: Readonly<Record<string, { readonly summary?: string; readonly value: unknown }>>;
}

interface Answer {
  readonly $ref?: string;
  readonly description?: string;
  readonly content?: Readonly<Record<string, Media>>;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema: Schema;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Answer>>;
}

const OPERATIONS = 'operations';

export type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

function parametersOf({ parameters = [] }: Operation): Html | undefined {
  if (parameters.length === 0) return undefined;
  const rows = parameters.map(({ name, in: place, required, description, schema }) => {
    const note = description === undefined ? undefined : html` – ${prose(description)}`;
    return html`<li><code>${name}${required ? '' : '?'}</code> in ${place}: ${typeOf(schema)}${note}</li>`;
  });
  return html`<h4>Takes</h4><ul class="fields">${rows}</ul>`;
}

/** A call as somebody at a terminal would make it. */
function curl(method: string, path: string, { security, parameters = [] }: Operation, body: unknown): Html {
  const address = `"$LASTCALL_URL${path.replaceAll('{tenant}', '$LASTCALL_TENANT').replaceAll('{id}', '$ID')}"`;
  const headers = [
    ...(security === undefined ? [] : ['"Authorization: Bearer $LASTCALL_TOKEN"']),
    ...(body === undefined ? [] : ["'Content-Type: application/json'"]),
    ...parameters.filter(({ name }) => name === 'If-Match').map(({ name }) => `"${name}: $ETAG"`),
  ].map((header) => `-H ${header}`);
  const verb = method === 'get' ? '' : `-X ${method.toUpperCase()} `;
  const data =
    body === undefined ? [] : [`-d '${JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`)}'`];
  return html`<pre><code>${[`curl ${verb}${address}`, ...headers, ...data].join(' \\\n  ')}</code></pre>`;
}

function examplesOf(method: string, path: string, operation: Operation): readonly Html[] {
  const content = operation.requestBody?.content;
  if (content && content['application/json'] === undefined) return [];
  const examples = Object.values(content?.['application/json']?.examples ?? {});
  if (examples.length === 0) return [curl(method, path, operation, undefined)];
  return examples.map(
    ({ summary, value }) => html`<p>${summary}:</p>${curl(method, path, operation, value)}`,
  );
}

function answersOf({ responses }: Operation): Html {
  const problems = Object.entries(responses).filter(([, { $ref }]) => $ref !== undefined);
  const rows = Object.entries(responses)
    .filter(([, { $ref }]) => $ref === undefined)
    .map(([status, { description = '', content = {} }]) => {
      const forms = Object.entries(content).map(([type, { schema }], at) => {
        const form = type === 'application/json' ? typeOf(schema ?? {}) : html`<code>${type}</code>`;
        return at === 0 ? form : html`, or ${form}`;
      });
      return html`<li><code>${status}</code> ${forms.length === 0 ? html`${description}` : forms}</li>`;
    });
  const statuses = problems.map(([status]) => status).join(', ');
  const refused =
    statuses === ''
      ? undefined
      : html`<li><code>${statuses}</code> <a href="#${anchorOf('schema', 'Problem')}">Problem</a></li>`;
  return html`<h4>Answers</h4><ul class="fields">${rows}${refused}</ul>`;
}

function callOf(method: string, path: string, operation: Operation, schemas: Schemas): Html {
  const { operationId, summary, description, requestBody } = operation;
  const [body] = Object.values(requestBody?.content ?? {});
  const note = description === undefined ? undefined : html`<p>${prose(description)}</p>`;
  const sent = body?.schema && html`<h4>Body</h4>${openOf(body.schema, schemas)}`;
  return html`<section id="${anchorOf('call', operationId)}">
<h3><code>${method.toUpperCase()} ${path}</code></h3>
<p>${summary}.</p>${note}${parametersOf(operation)}${sent}${answersOf(operation)}
<h4>Example</h4>${examplesOf(method, path, operation)}
</section>`;
}

/** Every call, those about the same noun together. */
export function callSection(paths: Paths, schemas: Schemas): readonly Html[] {
  const groups = new Map<string, Html[]>();
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const [tag = ''] = operation.tags;
      groups.set(tag, [...(groups.get(tag) ?? []), callOf(method, path, operation, schemas)]);
    }
  }
  return tagsOf(paths).map(
    (tag) => html`<section id="${anchorOf('tag', tag)}"><h2>${tag}</h2>${groups.get(tag)}</section>`,
  );
}

/** The names of the groups, in the order of the page: what is about the broker itself comes last. */
export function tagsOf(paths: Paths): readonly string[] {
  const operations = Object.values(paths).flatMap((item) => Object.values(item));
  const tags = [...new Set(operations.flatMap((operation) => operation.tags))];
  return tags.toSorted((a, b) => Number(a === OPERATIONS) - Number(b === OPERATIONS));
}
