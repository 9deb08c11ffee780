import { createClient, type LastcallClient, type Snapshot } from '@lastcall/client';
import { badge } from './badge.js';
import { el, fill } from './dom.js';
import { Editor } from './editor.js';
import { type Leaving, leavingOf, stoppedOf } from './ended.js';
import { header } from './header.js';
import type { Invoices } from './invoices.js';
import { InvoiceList } from './list.js';
import type { Person } from './people.js';
import { fetchToken } from './token.js';
import { Warnings } from './warning.js';

/** Unsaved work is saved by itself so long before a logoff; saving takes less than a second here. */
const SAVE_LEAD_MS = 5_000;

/** One person at work in this window, from signing in to the end of the session. */
export class Work {
  readonly element: HTMLElement;
  readonly #person: Person;
  readonly #invoices: Invoices;
  readonly #client: LastcallClient;
  readonly #badge = badge();
  readonly #list: InvoiceList;
  readonly #warnings: Warnings;
  readonly #place = el('div', { class: 'place' });
  readonly #over: (leaving: Leaving) => void;
  #editor: Editor | undefined;
  #closed = false;

  constructor(person: Person, invoices: Invoices, over: (leaving: Leaving) => void) {
    this.#person = person;
    this.#invoices = invoices;
    this.#over = over;
    this.#client = createClient({
      url: location.origin,
      app: { name: 'Ledger', version: '1.0' },
      device: { label: 'Browser' },
      token: () => fetchToken(person, ['user']),
      saveLeadMs: SAVE_LEAD_MS,
    });
    this.#list = new InvoiceList(this.#client, invoices, (number) => void this.#open(number));
    this.#warnings = new Warnings(this.#client, () => this.#editor?.dirty ?? false);
    const top = header(this.#badge.element, person, () => void this.#signOut());
    this.element = el(
      'div',
      { class: 'app' },
      top,
      this.#warnings.bar,
      el('main', { class: 'desk' }, this.#list.element, this.#place),
    );
    this.#showNothing();
    this.#client.subscribe(() => {
      this.#update(this.#client.getSnapshot());
    });
    // What becomes of it is in the snapshot.
    this.#client.connect().catch(() => undefined);
  }

  #update(snapshot: Snapshot): void {
    if (this.#closed) return;
    this.#badge.update(snapshot);
    this.#warnings.update(snapshot);
    const { status, ended, error } = snapshot;
    if (ended) this.#leave(leavingOf(ended, this.#editor?.dirty ?? false));
    else if (status === 'closed') this.#leave(stoppedOf(error));
  }

  async #open(number: string): Promise<void> {
    if (this.#editor?.number === number) return;
    await this.#close();
    const invoice = this.#invoices.get(number);
    if (!invoice || this.#closed) return;
    this.#editor = new Editor(invoice, {
      client: this.#client,
      invoices: this.#invoices,
      person: this.#person,
      done: () => void this.#done(number),
    });
    this.#list.current = number;
    fill(this.#place, this.#editor.element);
    this.#editor.focus();
  }

  async #done(number: string): Promise<void> {
    if (await this.#close()) this.#list.focus(number);
  }

  /** Saves what is unsaved first; an editor whose work cannot be saved stays open. */
  async #close(): Promise<boolean> {
    const editor = this.#editor;
    if (!editor) return true;
    if (editor.dirty && !(await this.#client.saveNow()).saved) return false;
    this.#editor = undefined;
    this.#showNothing();
    await editor.close();
    return true;
  }

  #showNothing(): void {
    this.#list.current = '';
    this.#client.setView('Invoices');
    fill(this.#place, el('p', { class: 'empty' }, 'Choose an invoice to open it.'));
  }

  async #signOut(): Promise<void> {
    await this.#client.saveAndEnd();
  }

  #leave(leaving: Leaving): void {
    this.#closed = true;
    this.#warnings.close();
    this.#list.close();
    void this.#editor?.close();
    this.#over(leaving);
  }
}
