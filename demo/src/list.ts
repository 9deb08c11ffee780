import type { LockHolder } from '@lastcall/client';
import { el, fill } from './dom.js';
import type { Kind } from './kinds.js';
import { avatar } from './people.js';
import type { Records } from './records.js';
import { spanOf } from './time.js';
import type { OfficeRecord } from './values.js';

const REFRESH_MS = 10_000;

export interface ListParts {
  readonly records: Records;
  /** Which session is this window's. */
  readonly ownSession: () => string | undefined;
  readonly editorsOf: (kind: Kind) => ReadonlyMap<string, LockHolder>;
  readonly open: (resource: string) => void;
}

function savedText({ savedBy, savedAt }: OfficeRecord): string {
  if (savedBy === undefined || savedAt === undefined) return '';
  const ageMs = Date.now() - savedAt;
  return `Saved by ${savedBy} · ${ageMs < REFRESH_MS ? 'now' : spanOf(ageMs)}`;
}

/** All records of a kind, and who edits which at this moment; the open one is marked. */
export class RecordList {
  readonly element: HTMLElement;
  readonly #parts: ListParts;
  readonly #title = el('h2', { id: 'list-title' });
  readonly #rows = el('ul');
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #unsubscribe: () => void;
  #kind: Kind;
  #current = '';

  constructor(kind: Kind, parts: ListParts) {
    this.#kind = kind;
    this.#parts = parts;
    this.element = el('section', { class: 'list', 'aria-labelledby': 'list-title' }, this.#title, this.#rows);
    this.#timer = setInterval(() => {
      this.render();
    }, REFRESH_MS);
    this.#unsubscribe = parts.records.subscribe(() => {
      this.render();
    });
  }

  show(kind: Kind): void {
    this.#kind = kind;
    this.render();
  }

  set current(resource: string) {
    this.#current = resource;
    this.render();
  }

  focus(resource: string): void {
    this.element.querySelector<HTMLElement>(`[data-resource="${resource}"]`)?.focus();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  render(): void {
    const { records, editorsOf } = this.#parts;
    const { activeElement } = document;
    const focused = activeElement instanceof HTMLElement ? activeElement.dataset['resource'] : undefined;
    const editors = editorsOf(this.#kind);
    this.#title.textContent = this.#kind.title;
    fill(this.#rows, ...records.list(this.#kind).map((record) => this.#item(record, editors)));
    if (focused !== undefined) this.focus(focused);
  }

  #item(record: OfficeRecord, editors: ReadonlyMap<string, LockHolder>): HTMLElement {
    const resource = `${this.#kind.name}/${record.id}`;
    const { title, aside, about } = this.#kind.rowOf(record.id, record.values, this.#parts.records);
    const editor = editors.get(resource);
    const item = el(
      'button',
      {
        type: 'button',
        class: editor ? 'item edited' : 'item',
        'data-resource': resource,
        'aria-current': resource === this.#current && 'true',
      },
      el('span', { class: 'item-top' }, el('span', {}, title), el('span', {}, aside)),
      el(
        'span',
        { class: 'item-bottom' },
        el('span', {}, about),
        editor ? this.#mark(editor) : el('span', {}, savedText(record)),
      ),
    );
    item.addEventListener('click', () => {
      this.#parts.open(resource);
    });
    return el('li', {}, item);
  }

  #mark({ user, sessionId }: LockHolder): HTMLElement {
    const isOwn = sessionId === this.#parts.ownSession();
    const text = isOwn ? 'You are editing' : `${user.name} is editing`;
    return el('span', { class: 'editing' }, avatar(user), text);
  }
}
