import { el, fill } from './dom.js';
import { KINDS, type Kind } from './kinds.js';

/** The parts of the office, and in which of them somebody edits. */
export class Nav {
  readonly element = el('nav', { class: 'nav', 'aria-label': 'Office' });
  readonly #buttons: ReadonlyMap<Kind, HTMLButtonElement>;

  constructor(open: (kind: Kind) => void) {
    this.#buttons = new Map(
      KINDS.map((kind) => {
        const button = el('button', { type: 'button', class: 'nav-item' }, kind.title);
        button.addEventListener('click', () => {
          open(kind);
        });
        return [kind, button];
      }),
    );
    fill(this.element, ...this.#buttons.values());
  }

  show(current: Kind, countOf: (kind: Kind) => number): void {
    for (const [kind, button] of this.#buttons) {
      const count = countOf(kind);
      if (kind === current) button.setAttribute('aria-current', 'page');
      else button.removeAttribute('aria-current');
      fill(
        button,
        kind.title,
        count > 0 &&
          el('span', { class: 'count' }, String(count), el('span', { class: 'unseen' }, ' in editing')),
      );
    }
  }
}
