import { createClient, type LastcallClient, type Snapshot } from '@lastcall/client';
import { type Banner, mountLastcall } from '@lastcall/client/banner';
import { type Draft, type Drafts, keepDrafts } from '@lastcall/client/drafts';
import { byId, el, fill } from './dom.js';
import { Editor } from './editor.js';
import { header } from './header.js';
import { FIRST_KIND, type Kind, partsOf } from './kinds.js';
import { RecordList } from './list.js';
import { Nav } from './nav.js';
import { type Person, remember } from './people.js';
import type { Records } from './records.js';
import { seat } from './seat.js';
import { toast } from './toast.js';
import { fetchToken } from './token.js';
import { valuesIn } from './values.js';
import { Watching } from './watching.js';

/** Unsaved work is saved by itself so long before a logoff; saving takes less than a second here. */
const SAVE_LEAD_MS = 5_000;
const DRAFT_EVERY_MS = 1_000;

/** One person at work in this window: what they see, edit, and are told. */
export class Office {
  readonly element: HTMLElement;
  readonly #person: Person;
  readonly #records: Records;
  readonly #client: LastcallClient;
  readonly #drafts: Drafts;
  readonly #banner: Banner;
  readonly #nav: Nav;
  readonly #list: RecordList;
  readonly #watching: Watching;
  readonly #place = el('div', { class: 'place' });
  readonly #left: () => void;
  #kind = FIRST_KIND;
  #editor: Editor | undefined;

  /** @param left the person has signed out */
  constructor(person: Person, records: Records, left: () => void) {
    this.#person = person;
    this.#records = records;
    this.#left = left;
    this.#client = createClient({
      url: location.origin,
      app: { name: 'Ledger', version: '1.0' },
      device: { label: 'Browser' },
      token: () => fetchToken(person, ['user']),
      storage: seat,
      saveLeadMs: SAVE_LEAD_MS,
    });
    this.#drafts = keepDrafts(this.#client, { name: 'ledger', everyMs: DRAFT_EVERY_MS });
    // Warnings, questions for records, drafts that are offered, and the last screen.
    this.#banner = mountLastcall(this.#client, {
      drafts: this.#drafts,
      restore: (draft) => this.#restore(draft),
      label: (resource) => this.#nameOf(resource),
      signIn: () => this.#signInAgain(),
      parent: byId('overlays'),
    });
    this.#nav = new Nav((kind) => {
      this.#show(kind);
    });
    this.#watching = new Watching(this.#client);
    this.#list = new RecordList(this.#kind, {
      records,
      ownSession: () => this.#client.getSnapshot().session?.id,
      editorsOf: (kind) => this.#watching.editorsOf(kind),
      open: (resource) => void this.#open(resource),
    });
    this.element = this.#build();
    this.#start();
  }

  #build(): HTMLElement {
    const top = header({
      middle: this.#nav.element,
      state: el('lastcall-status'),
      person: this.#person,
      signOut: () => void this.#signOut(),
    });
    const title = el('h1', { class: 'unseen' }, 'The office');
    const desk = el('main', { class: 'desk' }, title, this.#list.element, this.#place);
    return el('div', { class: 'app' }, top, desk);
  }

  #start(): void {
    this.#watching.start(() => {
      this.#renderEditing();
    });
    this.#showNothing();
    this.#client.subscribe(() => {
      this.#update(this.#client.getSnapshot());
    });
    // What becomes of it is in the snapshot.
    this.#client.connect().catch(() => undefined);
  }

  /** After an end a reload asks who is there. */
  #update({ status, ended }: Snapshot): void {
    if (status === 'ended' || status === 'closed') remember(undefined);
    if (ended?.reason === 'user') this.#leave();
  }

  async #signOut(): Promise<void> {
    const { saved } = await this.#client.saveAndEnd();
    if (!saved) toast('Not everything could be saved. Discard it, or try again.');
  }

  /** What was not saved has become a draft, and is offered. */
  async #signInAgain(): Promise<void> {
    await this.#closeEditor();
    remember(this.#person);
    await this.#client.connect();
  }

  #renderEditing(): void {
    this.#list.render();
    this.#nav.show(this.#kind, (kind) => this.#watching.editorsOf(kind).size);
  }

  #show(kind: Kind): void {
    this.#kind = kind;
    this.#list.show(kind);
    this.#renderEditing();
    if (!this.#editor) this.#client.setView(kind.title);
  }

  /** @returns whether it is open: what is unsaved, and cannot be saved, comes first */
  async #open(resource: string): Promise<boolean> {
    if (this.#editor?.resource === resource) return true;
    const record = this.#records.get(resource);
    const kind = partsOf(resource)?.kind;
    if (!record || !kind || !(await this.#close())) return false;
    this.#show(kind);
    this.#editor = new Editor(kind, record, {
      client: this.#client,
      drafts: this.#drafts,
      records: this.#records,
      person: this.#person,
      done: () => void this.#done(resource),
    });
    this.element.classList.add('open');
    this.#list.current = resource;
    fill(this.#place, this.#editor.element);
    this.#editor.focus();
    return true;
  }

  /** @throws Error when it cannot be shown; it is kept then */
  async #restore({ resource, text }: Draft): Promise<void> {
    const values = valuesIn(text);
    if (!values || !(await this.#open(resource))) throw new Error(`${resource} cannot be restored.`);
    this.#editor?.restore(values);
  }

  async #done(resource: string): Promise<void> {
    // The button that had the focus is gone. Whoever has gone on to something else by now is left there.
    if ((await this.#close()) && document.activeElement === document.body) this.#list.focus(resource);
  }

  /** Saves what is unsaved first; an editor whose work cannot be saved stays open. */
  async #close(): Promise<boolean> {
    if (this.#editor?.dirty && !(await this.#client.saveNow()).saved) return false;
    await this.#closeEditor();
    return true;
  }

  async #closeEditor(): Promise<void> {
    const editor = this.#editor;
    if (!editor) return;
    this.#editor = undefined;
    this.#showNothing();
    await editor.close();
  }

  #showNothing(): void {
    const { title } = this.#kind;
    this.element.classList.remove('open');
    this.#list.current = '';
    this.#client.setView(title);
    this.#renderEditing();
    fill(this.#place, el('p', { class: 'empty' }, `Choose one of the ${title.toLowerCase()} to open it.`));
  }

  #nameOf(resource: string): string {
    const parts = partsOf(resource);
    const values = this.#records.get(resource)?.values;
    return parts && values ? parts.kind.headingOf(parts.id, values) : resource;
  }

  #leave(): void {
    this.#banner.close();
    this.#watching.close();
    this.#list.close();
    void this.#editor?.close();
    this.#drafts.close();
    this.#left();
  }
}
