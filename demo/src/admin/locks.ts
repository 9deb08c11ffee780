import type { LockEntry } from '@lastcall/shared';
import { button, type Child, el } from '../dom.js';
import { avatar } from '../people.js';
import { spanOf } from '../time.js';
import { Rows } from './rows.js';

function waitersText({ waiters }: LockEntry): string {
  const asking = waiters.find(({ takesOverAt }) => takesOverAt !== undefined);
  if (asking) return `${asking.user.name} asks for it`;
  return waiters.length > 0 ? `${waiters.map(({ user }) => user.name).join(', ')} waiting` : '';
}

function cellsOf(entry: LockEntry): readonly Child[] {
  const {
    resource,
    holders: [holder],
  } = entry;
  const since = holder ? `${holder.user.name}, since ${spanOf(Date.now() - holder.grantedAt)}` : '';
  const waiting = waitersText(entry);
  return [
    holder && avatar(holder.user),
    el('span', { class: 'two' }, el('strong', {}, resource), el('span', {}, since)),
    holder?.dirty && el('span', { class: 'unsaved' }, 'unsaved'),
    waiting !== '' && el('span', { class: 'chip wait' }, waiting),
  ];
}

/** Who edits what now, and who waits for it. */
export class LockTable {
  readonly element: HTMLElement;
  readonly #empty = el('p', { class: 'empty' }, 'Nothing is being edited.');
  readonly #rows: Rows<LockEntry>;
  readonly #break: (resource: string) => void;

  constructor(breakLock: (resource: string) => void) {
    this.#break = breakLock;
    const list = el('ul', { class: 'rows' });
    this.#rows = new Rows(list, {
      make: () => el('li', { class: 'row' }),
      cells: cellsOf,
      actions: ({ resource }) => this.#button(resource),
    });
    this.element = el('div', {}, list, this.#empty);
  }

  show(locks: readonly LockEntry[]): void {
    this.#rows.show(new Map(locks.map((entry) => [entry.resource, entry])));
    this.#empty.hidden = locks.length > 0;
  }

  #button(resource: string): HTMLElement {
    const take = button('Take away', () => {
      this.#break(resource);
    });
    take.setAttribute('aria-label', `Take away ${resource}`);
    return take;
  }
}
