import { el, say } from './dom.js';
import { type Line, moneyOf, totalOf, type Value } from './values.js';

/** Most lines of an invoice. */
const MAX_LINES = 8;
const EMPTY: Line = { text: '', quantity: 1, price: 0 };

function numberOf(input: HTMLInputElement): number {
  const value = input.valueAsNumber;
  return Number.isFinite(value) ? Math.max(0, value) : 0;
}

function cell(input: HTMLInputElement, className = ''): HTMLTableCellElement {
  return el('td', { class: className }, input);
}

function numberInput(label: string, value: number, step: string): HTMLInputElement {
  return el('input', {
    type: 'number',
    min: '0',
    max: '1000000',
    step,
    value: String(value),
    'aria-label': label,
  });
}

function rowOf(line: Line, index: number): HTMLTableRowElement {
  const name = `Line ${index + 1}`;
  return el(
    'tr',
    {},
    cell(el('input', { type: 'text', maxlength: '80', value: line.text, 'aria-label': `${name}: text` })),
    cell(numberInput(`${name}: quantity`, line.quantity, '1'), 'number'),
    cell(numberInput(`${name}: price`, line.price, '0.01'), 'number'),
    el('td', { class: 'number sum' }),
  );
}

function lineOf(row: HTMLTableRowElement): Line {
  const [text, quantity, price] = row.querySelectorAll('input');
  if (!text || !quantity || !price) return EMPTY;
  return { text: text.value, quantity: numberOf(quantity), price: numberOf(price) };
}

/** The lines of an invoice, with their sums and the total. */
export class LinesControl {
  readonly element: HTMLElement;
  readonly #body = el('tbody');
  readonly #add = el('button', { type: 'button', class: 'button quiet' }, 'Add a line');
  readonly #total = el('output', { class: 'total' });

  constructor() {
    this.#add.addEventListener('click', () => {
      this.#append(EMPTY);
      this.element.dispatchEvent(new Event('input', { bubbles: true }));
    });
    const head = ['What', 'Quantity', 'Price', 'Sum'].map((text) =>
      el('th', { scope: 'col', class: text === 'What' ? '' : 'number' }, text),
    );
    this.element = el(
      'div',
      { class: 'wide' },
      el(
        'div',
        { class: 'scroll' },
        el('table', { class: 'lines' }, el('thead', {}, el('tr', {}, ...head)), this.#body),
      ),
      el('div', { class: 'under-lines' }, this.#add, el('p', { class: 'total-line' }, 'Total ', this.#total)),
    );
    this.element.addEventListener('input', () => {
      this.#sum();
    });
  }

  get value(): Value {
    return [...this.#body.rows].map(lineOf);
  }

  set value(value: Value) {
    this.#body.replaceChildren();
    for (const line of typeof value === 'string' ? [] : value) this.#append(line);
    this.#sum();
  }

  set readOnly(readOnly: boolean) {
    for (const input of this.#body.querySelectorAll('input')) input.readOnly = readOnly;
    this.#add.disabled = readOnly;
  }

  #append(line: Line): void {
    const { rows } = this.#body;
    if (rows.length < MAX_LINES) this.#body.append(rowOf(line, rows.length));
    this.#add.hidden = rows.length >= MAX_LINES;
  }

  #sum(): void {
    const lines: Line[] = [];
    for (const row of this.#body.rows) {
      const line = lineOf(row);
      lines.push(line);
      const sum = row.querySelector('.sum');
      if (sum) say(sum, moneyOf(line.quantity * line.price));
    }
    say(this.#total, moneyOf(totalOf(lines)));
  }
}
