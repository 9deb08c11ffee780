/** A piece of HTML that is whole, and stays as it is. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Html | readonly Html[] | undefined;

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function write(value: Value): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('\n');
  return escape(String(value));
}

/** HTML with values in it; all that is not HTML itself is text. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(write)));
}

/** A sentence of the documents, with its `names`. */
export function prose(text: string): Html {
  const pieces = text.split('`');
  return new Html(
    pieces
      .map((piece, at) => (at % 2 === 1 ? `<code>${escape(piece)}</code>` : escape(piece)))
      .join('')
      .replaceAll('\n\n', '</p><p>'),
  );
}

/** The name of a place on the page. */
export function anchorOf(kind: string, name: string): string {
  return `${kind}-${name.replace(/[^\w.-]/g, '-')}`;
}
