import { el, fill } from './dom.js';
import { type Invoice, type Invoices, moneyOf, totalOf } from './invoices.js';
import { spanOf } from './time.js';

const REFRESH_MS = 10_000;

function savedText({ savedBy, savedAt }: Invoice): string {
  if (savedBy === undefined || savedAt === undefined) return 'Open';
  return `Saved by ${savedBy}, ${spanOf(Date.now() - savedAt)} ago`;
}

/** All invoices; the open one is marked. */
export class InvoiceList {
  readonly element = el('nav', { class: 'list', 'aria-label': 'Invoices' });
  readonly #invoices: Invoices;
  readonly #open: (number: string) => void;
  readonly #ends: (() => void)[];
  #current = '';

  constructor(invoices: Invoices, open: (number: string) => void) {
    this.#invoices = invoices;
    this.#open = open;
    const timer = setInterval(() => {
      this.render();
    }, REFRESH_MS);
    this.#ends = [
      invoices.subscribe(() => {
        this.render();
      }),
      () => {
        clearInterval(timer);
      },
    ];
    this.render();
  }

  set current(number: string) {
    this.#current = number;
    this.render();
  }

  focus(number: string): void {
    this.element.querySelector<HTMLElement>(`[data-number="${number}"]`)?.focus();
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  render(): void {
    const focused =
      document.activeElement instanceof HTMLElement ? document.activeElement.dataset['number'] : undefined;
    fill(
      this.element,
      el('h2', {}, 'Invoices'),
      el('ul', {}, ...this.#invoices.list().map((one) => this.#item(one))),
    );
    if (focused !== undefined) this.focus(focused);
  }

  #item(invoice: Invoice): HTMLElement {
    const { number, customer } = invoice;
    const item = el(
      'button',
      {
        type: 'button',
        class: 'item',
        'data-number': number,
        'aria-current': number === this.#current && 'true',
      },
      el(
        'span',
        { class: 'item-top' },
        el('span', {}, customer || 'No customer'),
        el('span', {}, moneyOf(totalOf(invoice))),
      ),
      el(
        'span',
        { class: 'item-bottom' },
        el('span', {}, `No. ${number}`),
        el('span', {}, savedText(invoice)),
      ),
    );
    item.addEventListener('click', () => {
      this.#open(number);
    });
    return el('li', {}, item);
  }
}
