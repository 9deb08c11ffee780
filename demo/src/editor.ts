import type { LastcallClient, LockHandle, SaveContext } from '@lastcall/client';
import type { Drafts } from '@lastcall/client/drafts';
import { RecordLock, type RecordView } from '@lastcall/client/view';
import { button, el } from './dom.js';
import { Form } from './form.js';
import type { Kind } from './kinds.js';
import type { Person } from './people.js';
import type { Records } from './records.js';
import { toast } from './toast.js';
import { copyOf, type OfficeRecord, type Values } from './values.js';

export interface EditorParts {
  readonly client: LastcallClient;
  readonly drafts: Drafts;
  readonly records: Records;
  readonly person: Person;
  /** The person is done with the record. */
  readonly done: () => void;
}

/** One open record: read by all, written by whoever holds its lock. */
export class Editor {
  readonly element: HTMLElement;
  readonly resource: string;
  readonly #parts: EditorParts;
  readonly #name: string;
  readonly #form: Form;
  readonly #record: RecordLock;
  readonly #save: HTMLButtonElement;
  readonly #discard: HTMLButtonElement;
  readonly #copy: HTMLButtonElement;
  readonly #ends: readonly (() => void)[];
  #base: OfficeRecord;
  #dirty = false;
  #saving = false;
  #held = false;

  constructor(kind: Kind, record: OfficeRecord, parts: EditorParts) {
    const { client, drafts, records } = parts;
    const resource = `${kind.name}/${record.id}`;
    this.resource = resource;
    this.#parts = parts;
    this.#base = record;
    this.#name = kind.headingOf(record.id, record.values);
    this.#form = new Form(kind, records, () => {
      this.#typed();
    });
    this.#form.show(record.values);
    this.#save = button('Save', () => void client.saveNow(), { kind: 'primary', id: 'save' });
    this.#discard = button('Discard changes', () => {
      this.#load();
    });
    this.#copy = button('Copy my text', () => void this.#toClipboard());
    this.#record = new RecordLock(client, resource);
    this.element = this.#build();
    this.#ends = [
      this.#record.subscribe(() => {
        this.#changed(this.#record.getView());
      }),
      // In the place of `onSave`: what cannot be saved becomes a draft.
      drafts.add({
        resource,
        isDirty: () => this.#dirty,
        read: () => JSON.stringify(this.#form.values),
        save: (context) => this.#store(context),
      }),
      records.subscribe(() => {
        this.#savedElsewhere();
      }),
    ];
    client.setView(this.#name);
    this.#render();
    // What comes of it is in the record's view.
    this.#record.lock().catch(() => undefined);
  }

  get dirty(): boolean {
    return this.#dirty;
  }

  focus(): void {
    this.element.querySelector('h2')?.focus();
  }

  /** Shows what was typed in an earlier session, to be saved or discarded. */
  restore(typed: Values): void {
    this.#form.show({ ...this.#base.values, ...typed });
    this.#typed();
  }

  /** What is unsaved stays as a draft. */
  async close(): Promise<void> {
    for (const end of this.#ends) end();
    this.#setDirty(false);
    await this.#record.release();
  }

  #build(): HTMLElement {
    const badge = el('lastcall-editing');
    badge.record = this.#record;
    const close = button('Close', () => {
      this.#parts.done();
    });
    const element = el(
      'section',
      { class: 'editor', 'aria-label': this.#name },
      el('div', { class: 'editor-head' }, el('h2', { tabindex: '-1' }, this.#name), close),
      badge,
      this.#form.element,
      el('div', { class: 'editor-foot' }, this.#save, this.#discard, this.#copy),
    );
    element.addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
        event.preventDefault();
        if (!this.#save.disabled) this.#save.click();
      }
    });
    return element;
  }

  #changed({ phase, handle }: RecordView): void {
    const got = phase === 'held' && !this.#held;
    this.#held = phase === 'held';
    if (got && handle) this.#parts.records.claim(this.resource, handle.fence);
    // Somebody may have saved while this window waited; what was typed before is not thrown away for it.
    if (got && !this.#dirty) this.#load();
    this.#render();
    if (got && this.element.contains(document.activeElement)) this.#form.focus();
  }

  /** What was typed, for wherever the person keeps it. */
  async #toClipboard(): Promise<void> {
    try {
      await navigator.clipboard.writeText(copyOf(this.#form.values));
      toast('Your text is copied.');
    } catch {
      toast('The browser does not let it be copied. Select the text instead.');
    }
  }

  #typed(): void {
    const { values } = this.#form;
    this.#setDirty(Object.entries(values).some(([name, value]) => !same(value, this.#base.values[name])));
  }

  #setDirty(dirty: boolean): void {
    this.#dirty = dirty;
    this.#parts.client.setDirty(dirty);
    this.#render();
  }

  #load(): void {
    this.#base = this.#parts.records.get(this.resource) ?? this.#base;
    this.#form.show(this.#base.values);
    this.#setDirty(false);
  }

  #savedElsewhere(): void {
    const stored = this.#parts.records.get(this.resource);
    if (!stored || this.#saving || stored.savedAt === this.#base.savedAt) return;
    if (this.#dirty) toast(`${stored.savedBy ?? 'Somebody'} saved ${this.#name} meanwhile.`);
    else this.#load();
  }

  /** What the SDK calls when the work is to be saved: asked for, near a logoff, or when the record passes on. */
  async #store({ signal }: SaveContext): Promise<void> {
    this.#saving = true;
    this.#render();
    try {
      const { fence } = this.#lock();
      const by = this.#parts.person.name;
      this.#base = await this.#parts.records.save(this.resource, this.#form.values, { by, fence, signal });
      this.#typed();
      toast(`${this.#name} is saved.`);
    } catch (error) {
      toast(error instanceof Error ? error.message : 'It could not be saved.');
      throw error;
    } finally {
      this.#saving = false;
      this.#render();
    }
  }

  #lock(): LockHandle {
    const { phase, handle } = this.#record.getView();
    if (!handle || phase !== 'held') throw new Error('The record is not yours to save.');
    return handle;
  }

  #render(): void {
    const isLost = this.#record.getView().phase === 'lost';
    this.#form.mode = this.#held ? 'write' : isLost ? 'read' : 'off';
    this.#save.disabled = !this.#held || !this.#dirty || this.#saving;
    this.#save.textContent = this.#saving ? 'Saving …' : 'Save';
    this.#discard.hidden = !this.#dirty || this.#saving;
    this.#copy.hidden = !isLost;
  }
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
