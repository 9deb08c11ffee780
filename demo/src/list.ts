import type { LastcallClient, LockEntry, LockHolder } from '@lastcall/client';
import { el, fill } from './dom.js';
import { type Invoice, type Invoices, moneyOf, totalOf } from './invoices.js';
import { spanOf } from './time.js';

const REFRESH_MS = 10_000;

function savedText({ savedBy, savedAt }: Invoice): string {
  if (savedBy === undefined || savedAt === undefined) return 'Open';
  return `Saved by ${savedBy}, ${spanOf(Date.now() - savedAt)} ago`;
}

function resourceOf(number: string): string {
  return `invoices/${number}`;
}

/** All invoices, and who edits which at this moment; the open one is marked. */
export class InvoiceList {
  readonly element = el('nav', { class: 'list', 'aria-label': 'Invoices' });
  readonly #client: LastcallClient;
  readonly #invoices: Invoices;
  readonly #open: (number: string) => void;
  readonly #ends: (() => void)[];
  #current = '';
  #locks: readonly LockEntry[] = [];

  constructor(client: LastcallClient, invoices: Invoices, open: (number: string) => void) {
    this.#client = client;
    this.#invoices = invoices;
    this.#open = open;
    const timer = setInterval(() => {
      this.render();
    }, REFRESH_MS);
    this.#ends = [
      invoices.subscribe(() => {
        this.render();
      }),
      client.watchLocks(resourceOf(''), ({ locks }) => {
        this.#locks = locks;
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

  #editorOf(number: string): string | undefined {
    const entry = this.#locks.find(({ resource }) => resource === resourceOf(number));
    const [holder]: readonly (LockHolder | undefined)[] = entry?.holders ?? [];
    if (!holder) return undefined;
    return holder.sessionId === this.#client.getSnapshot().session?.id
      ? 'You are editing'
      : `${holder.user.name} is editing`;
  }

  #item(invoice: Invoice): HTMLElement {
    const { number, customer } = invoice;
    const editor = this.#editorOf(number);
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
        editor
          ? el('span', { class: 'editing' }, el('span', { class: 'dot', 'aria-hidden': 'true' }), editor)
          : el('span', {}, savedText(invoice)),
      ),
    );
    item.addEventListener('click', () => {
      this.#open(number);
    });
    return el('li', {}, item);
  }
}
