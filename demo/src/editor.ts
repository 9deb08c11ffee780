import type { LastcallClient, SaveContext } from '@lastcall/client';
import { button, el } from './dom.js';
import { InvoiceForm } from './form.js';
import type { Draft, Invoice, Invoices } from './invoices.js';
import { Notice } from './notice.js';
import type { Person } from './people.js';
import { Right, type RightState } from './right.js';
import { toast } from './toast.js';

export interface EditorParts {
  readonly client: LastcallClient;
  readonly invoices: Invoices;
  readonly person: Person;
  /** The person is done with the record. */
  readonly done: () => void;
}

/** One open invoice: read by all, written by whoever holds its lock. */
export class Editor {
  readonly element: HTMLElement;
  readonly number: string;
  readonly #parts: EditorParts;
  readonly #form: InvoiceForm;
  readonly #notice: Notice;
  readonly #right: Right;
  readonly #save: HTMLButtonElement;
  readonly #discard: HTMLButtonElement;
  readonly #ends: (() => void)[];
  #base: Invoice;
  #dirty = false;
  #saving = false;
  #held = false;

  constructor(invoice: Invoice, parts: EditorParts) {
    const { client, invoices } = parts;
    this.number = invoice.number;
    this.#parts = parts;
    this.#base = invoice;
    this.#notice = new Notice(client, () => void this.#copy());
    this.#form = new InvoiceForm(() => {
      this.#typed();
    });
    this.#form.show(invoice);
    this.#save = button('Save', () => void client.saveNow(), { kind: 'primary', id: 'save' });
    this.#discard = button('Discard changes', () => {
      this.#load();
    });
    this.element = this.#build();
    this.#right = new Right(client, `invoices/${invoice.number}`, (state) => {
      this.#rightChanged(state);
    });
    this.#ends = [
      client.onSave((context) => this.#store(context), {
        isDirty: () => this.#dirty,
        resource: `invoices/${invoice.number}`,
      }),
      invoices.subscribe(() => {
        this.#savedElsewhere();
      }),
    ];
    client.setView(`Invoice ${invoice.number}`);
    void this.#right.ask();
  }

  get dirty(): boolean {
    return this.#dirty;
  }

  focus(): void {
    this.element.querySelector('h2')?.focus();
  }

  async close(): Promise<void> {
    this.#notice.close();
    for (const end of this.#ends) end();
    this.#setDirty(false);
    await this.#right.close();
  }

  #build(): HTMLElement {
    const heading = el('h2', { tabindex: '-1' }, `Invoice ${this.number}`);
    const close = button('Close', () => {
      this.#parts.done();
    });
    const element = el(
      'section',
      { class: 'editor', 'aria-label': `Invoice ${this.number}` },
      el('div', { class: 'editor-head' }, heading, close),
      this.#notice.element,
      this.#form.element,
      el('div', { class: 'editor-foot' }, this.#save, this.#discard),
    );
    element.addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
        event.preventDefault();
        if (!this.#save.disabled) this.#save.click();
      }
    });
    return element;
  }

  #rightChanged(state: RightState): void {
    const wasHeld = this.#held;
    this.#held = state.kind === 'held' || state.kind === 'requested';
    this.#notice.show(state, this.#right);
    const held = this.#held && !wasHeld;
    if (held && 'lock' in state) this.#parts.invoices.claim(this.number, state.lock.fence);
    // Somebody may have saved while this window waited; what was typed before is not thrown away for it.
    if (held && !this.#dirty) this.#load();
    this.#render();
    if (held && this.element.contains(document.activeElement)) this.#form.focus();
  }

  /** What was typed, for wherever the person keeps it. */
  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(textOf(this.#form.draft));
      toast('Your text is copied.');
    } catch {
      toast('The browser does not let it be copied. Select the text instead.');
    }
  }

  #typed(): void {
    this.#setDirty(JSON.stringify(this.#form.draft) !== JSON.stringify(draftOf(this.#base)));
  }

  #setDirty(dirty: boolean): void {
    this.#dirty = dirty;
    this.#parts.client.setDirty(dirty);
    this.#render();
  }

  #load(): void {
    this.#base = this.#parts.invoices.get(this.number) ?? this.#base;
    this.#form.show(this.#base);
    this.#setDirty(false);
  }

  #savedElsewhere(): void {
    const stored = this.#parts.invoices.get(this.number);
    if (!stored || this.#saving || stored.savedAt === this.#base.savedAt) return;
    if (this.#dirty) toast(`${stored.savedBy ?? 'Somebody'} saved invoice ${this.number} meanwhile.`);
    else this.#load();
  }

  /** What the SDK calls when the work is to be saved: asked for, near a logoff, or at the very end. */
  async #store({ signal }: SaveContext): Promise<void> {
    const { state } = this.#right;
    if (!('lock' in state) || state.kind === 'at-risk') throw new Error('The record is not yours to save.');
    this.#saving = true;
    this.#render();
    try {
      const draft: Draft = this.#form.draft;
      this.#base = await this.#parts.invoices.save(
        this.number,
        draft,
        this.#parts.person.name,
        state.lock.fence,
        signal,
      );
      this.#typed();
      toast(`Invoice ${this.number} is saved.`);
    } catch (error) {
      toast(error instanceof Error ? error.message : 'It could not be saved.');
      throw error;
    } finally {
      this.#saving = false;
      this.#render();
    }
  }

  #render(): void {
    const isLost = this.#right.state.kind === 'lost';
    this.#form.mode = this.#held ? 'write' : isLost ? 'read' : 'off';
    this.#save.disabled = !this.#held || !this.#dirty || this.#saving;
    this.#save.textContent = this.#saving ? 'Saving …' : 'Save';
    this.#discard.hidden = !this.#dirty || this.#saving;
  }
}

function textOf({ customer, due, note, lines }: Draft): string {
  const rows = lines.map(({ text, quantity, price }) => [text, quantity, price].join('\t'));
  return [customer, due, ...rows, note].join('\n');
}

function draftOf({ customer, due, note, lines }: Invoice): Draft {
  return { customer, due, note, lines };
}
