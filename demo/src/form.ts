import { el } from './dom.js';
import type { Field, Kind, Lookup } from './kinds.js';
import { LinesControl } from './lines.js';
import type { Value, Values } from './values.js';

/** Written to; read, selected and copied, as text that was lost; or of others, and only looked at. */
export type FormMode = 'write' | 'read' | 'off';

/** One field: what is in it, and whether it may be changed. */
interface Control {
  readonly element: HTMLElement;
  value: Value;
  readOnly: boolean;
}

function labelled({ label, half }: Field, input: HTMLElement): HTMLElement {
  return el('label', { class: half ? 'field' : 'field wide' }, el('span', {}, label), input);
}

class TextControl implements Control {
  readonly element: HTMLElement;
  readonly #input: HTMLInputElement | HTMLTextAreaElement;

  constructor(field: Field) {
    this.#input =
      field.type === 'note'
        ? el('textarea', { rows: '3', maxlength: '500' })
        : el('input', { type: field.type, maxlength: '80', autocomplete: 'off' });
    this.element = labelled(field, this.#input);
  }

  get value(): string {
    return this.#input.value;
  }

  set value(value: Value) {
    this.#input.value = typeof value === 'string' ? value : '';
  }

  set readOnly(readOnly: boolean) {
    this.#input.readOnly = readOnly;
  }
}

class ChoiceControl implements Control {
  readonly element: HTMLElement;
  readonly #select = el('select');
  readonly #choices: () => readonly (readonly [value: string, text: string])[];

  constructor(field: Field, records: Lookup) {
    this.#choices = () => field.choices?.(records) ?? [];
    this.element = labelled(field, this.#select);
  }

  get value(): string {
    return this.#select.value;
  }

  /** What is to be chosen from may have changed, too. */
  set value(value: Value) {
    this.#select.replaceChildren(...this.#choices().map(([one, text]) => el('option', { value: one }, text)));
    this.#select.value = typeof value === 'string' ? value : '';
  }

  set readOnly(readOnly: boolean) {
    this.#select.disabled = readOnly;
  }
}

function controlOf(field: Field, records: Lookup): Control {
  if (field.type === 'lines') return new LinesControl();
  return field.type === 'choice' ? new ChoiceControl(field, records) : new TextControl(field);
}

/** The fields of a record. Knows nothing of locks: it may be written to or not, as it is told. */
export class Form {
  readonly element: HTMLFormElement;
  readonly #controls: ReadonlyMap<string, Control>;
  readonly #fieldset: HTMLFieldSetElement;

  constructor(kind: Kind, records: Lookup, changed: () => void) {
    this.#controls = new Map(kind.fields.map((field) => [field.name, controlOf(field, records)]));
    const elements = Array.from(this.#controls.values(), ({ element }) => element);
    this.#fieldset = el('fieldset', { class: 'fields' }, ...elements);
    this.element = el('form', { class: 'form', novalidate: true }, this.#fieldset);
    this.element.addEventListener('input', changed);
    this.element.addEventListener('submit', (event) => {
      event.preventDefault();
    });
  }

  get values(): Values {
    return Object.fromEntries(Array.from(this.#controls, ([name, { value }]) => [name, value]));
  }

  show(values: Values): void {
    for (const [name, control] of this.#controls) control.value = values[name] ?? '';
  }

  set mode(mode: FormMode) {
    const isOff = mode === 'off';
    const lost = this.#fieldset.contains(document.activeElement) && isOff;
    this.#fieldset.disabled = isOff;
    this.#fieldset.classList.toggle('read-only', mode === 'read');
    for (const control of this.#controls.values()) control.readOnly = mode === 'read';
    // A disabled field loses the focus to nowhere; keyboards go on from the form.
    if (lost) this.element.closest('section')?.querySelector('h2')?.focus();
  }

  focus(): void {
    this.element.querySelector<HTMLElement>('input, select, textarea')?.focus();
  }
}
