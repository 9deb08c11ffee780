import { el, say } from './dom.js';
import { type Draft, type Line, moneyOf, totalOf } from './invoices.js';

/** Most lines of an invoice. */
const MAX_LINES = 8;
const EMPTY: Line = { text: '', quantity: 1, price: 0 };

/** Written to; read, selected and copied, as text that was lost; or of others, and only looked at. */
export type FormMode = 'write' | 'read' | 'off';
type Typed = HTMLInputElement | HTMLTextAreaElement;

interface Fields {
  readonly customer: HTMLInputElement;
  readonly due: HTMLInputElement;
  readonly note: HTMLTextAreaElement;
  readonly lines: HTMLTableSectionElement;
}

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

function field(label: string, input: HTMLElement): HTMLElement {
  return el('label', { class: 'field' }, el('span', {}, label), input);
}

/** The fields of an invoice. Knows nothing of locks: it may be written to or not, as it is told. */
export class InvoiceForm {
  readonly element: HTMLFormElement;
  readonly #fields: Fields;
  readonly #fieldset: HTMLFieldSetElement;
  readonly #addLine: HTMLButtonElement;
  readonly #total = el('output', { class: 'total' });
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
    this.#fields = {
      customer: el('input', { type: 'text', maxlength: '80', autocomplete: 'off' }),
      due: el('input', { type: 'date' }),
      note: el('textarea', { rows: '3', maxlength: '500' }),
      lines: el('tbody'),
    };
    this.#addLine = el('button', { type: 'button', class: 'button quiet' }, 'Add a line');
    this.#addLine.addEventListener('click', () => {
      this.#append(EMPTY);
      this.#heard();
    });
    this.#fieldset = el('fieldset', { class: 'fields' }, ...this.#content());
    this.element = el('form', { class: 'invoice', novalidate: true }, this.#fieldset);
    this.element.addEventListener('input', () => {
      this.#heard();
    });
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
    });
  }

  get draft(): Draft {
    const { customer, due, note, lines } = this.#fields;
    return { customer: customer.value, due: due.value, note: note.value, lines: [...lines.rows].map(lineOf) };
  }

  show({ customer, due, note, lines }: Draft): void {
    const fields = this.#fields;
    fields.customer.value = customer;
    fields.due.value = due;
    fields.note.value = note;
    fields.lines.replaceChildren();
    for (const line of lines) this.#append(line);
    this.#sum();
  }

  set mode(mode: FormMode) {
    const isOff = mode === 'off';
    const lost = this.#fieldset.contains(document.activeElement) && isOff;
    this.#fieldset.disabled = isOff;
    this.#fieldset.classList.toggle('read-only', mode === 'read');
    for (const input of this.#fieldset.querySelectorAll<Typed>('input, textarea'))
      input.readOnly = mode === 'read';
    this.#addLine.disabled = mode === 'read';
    // A disabled field loses the focus to nowhere; keyboards go on from the form.
    if (lost) this.element.closest('section')?.querySelector('h2')?.focus();
  }

  focus(): void {
    this.#fields.customer.focus();
  }

  #content(): readonly HTMLElement[] {
    const { customer, due, note, lines } = this.#fields;
    const head = ['What', 'Quantity', 'Price', 'Sum'].map((text) =>
      el('th', { scope: 'col', class: text === 'What' ? '' : 'number' }, text),
    );
    return [
      el('div', { class: 'pair' }, field('Customer', customer), field('Due', due)),
      el(
        'div',
        { class: 'scroll' },
        el('table', { class: 'lines' }, el('thead', {}, el('tr', {}, ...head)), lines),
      ),
      el(
        'div',
        { class: 'under-lines' },
        this.#addLine,
        el('p', { class: 'total-line' }, 'Total ', this.#total),
      ),
      field('Note', note),
    ];
  }

  #append(line: Line): void {
    const { lines } = this.#fields;
    if (lines.rows.length < MAX_LINES) lines.append(rowOf(line, lines.rows.length));
    this.#addLine.hidden = lines.rows.length >= MAX_LINES;
  }

  #heard(): void {
    this.#sum();
    this.#changed();
  }

  #sum(): void {
    for (const row of this.#fields.lines.rows) {
      const { quantity, price } = lineOf(row);
      const sum = row.querySelector('.sum');
      if (sum) say(sum, moneyOf(quantity * price));
    }
    say(this.#total, moneyOf(totalOf(this.draft)));
  }
}
