import { el } from '../dom.js';

/** A list of times to choose from, in milliseconds. */
export function choice(label: string, rows: readonly (readonly [number, string])[], chosen: number) {
  const options = rows.map(([ms, text]) =>
    el('option', { value: String(ms), selected: ms === chosen }, text),
  );
  const select = el('select', {}, ...options);
  return { select, field: el('label', { class: 'field' }, el('span', {}, label), select) };
}
