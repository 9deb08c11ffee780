import { el } from './dom.js';
import { LastcallElement } from './element.js';

/** `<lastcall-screen>`: keeps cards together at an edge of the window; they get out of the way of what has the focus. */
export class LastcallScreen extends LastcallElement {
  constructor() {
    super();
    this.root.append(el('slot'));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('focusin', this.#clear);
  }

  override disconnectedCallback(): void {
    document.removeEventListener('focusin', this.#clear);
    super.disconnectedCallback();
  }

  protected override draw(): boolean {
    return false;
  }

  readonly #clear = ({ target }: FocusEvent): void => {
    if (!(target instanceof Element) || this.contains(target)) return;
    const own = this.root.getBoundingClientRect();
    const other = target.getBoundingClientRect();
    if (own.height > 0 && other.top < own.bottom && other.bottom > own.top) this.toggleAttribute('top');
  };
}
