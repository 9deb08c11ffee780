import { type Child, fill, fillBeforeLast } from '../dom.js';

export interface RowParts<T> {
  readonly make: () => HTMLElement;
  readonly cells: (item: T) => readonly Child[];
  /** What can be done with it: the row's last cell, made once. */
  readonly actions: (item: T) => HTMLElement;
}

/** Rows of a list that changes. They are kept and changed in place, so that the focus stays on its button. */
export class Rows<T> {
  readonly #parent: HTMLElement;
  readonly #parts: RowParts<T>;
  readonly #rows = new Map<string, HTMLElement>();

  constructor(parent: HTMLElement, parts: RowParts<T>) {
    this.#parent = parent;
    this.#parts = parts;
  }

  /** Shows these, by their names, and no others. */
  show(items: ReadonlyMap<string, T>): void {
    for (const [name, row] of this.#rows) {
      if (items.has(name)) continue;
      row.remove();
      this.#rows.delete(name);
    }
    for (const [name, item] of items) this.#showOne(name, item);
  }

  #showOne(name: string, item: T): void {
    const { make, cells, actions } = this.#parts;
    const known = this.#rows.get(name);
    if (known) {
      fillBeforeLast(known, ...cells(item));
      return;
    }
    const row = make();
    fill(row, ...cells(item), actions(item));
    this.#rows.set(name, row);
    this.#parent.append(row);
  }
}
