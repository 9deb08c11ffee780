import { el, say } from './dom.js';
import { clockOf } from './texts.js';

/** The time left is read out when it falls below these, not each second. */
const STEPS_MS: readonly number[] = [600_000, 300_000, 120_000, 60_000, 30_000, 10_000];

/** Says things to those who listen; nobody sees them. */
export const voice = (): HTMLElement => el('p', 'voice', { role: 'status' });

/** A place for the time left, for eyes. */
export const clock = (): HTMLElement => el('strong', 'clock', { 'aria-hidden': 'true', dir: 'ltr' });

/** Time that runs: each change for eyes, a few of them for ears. */
export class Countdown {
  #of: string | undefined;
  #step = Number.POSITIVE_INFINITY;

  /** @returns whether it is time to say how much is left */
  show(of: string | undefined, leftMs: number, ...clocks: readonly HTMLElement[]): boolean {
    for (const place of clocks) say(place, clockOf(leftMs));
    if (of !== this.#of) this.#step = Number.POSITIVE_INFINITY;
    this.#of = of;
    const step = STEPS_MS.find((ms) => leftMs > ms) ?? 0;
    const isDue = step < this.#step;
    this.#step = step;
    return isDue;
  }
}

/** A modal dialog. Its title takes the focus: a key struck while typing must not press a button that just appeared. */
export class Panel {
  readonly element: HTMLDialogElement;
  readonly title = el('h2', 'title', { id: 'title', tabindex: '-1' });
  readonly text = el('p', 'text', { id: 'text' });
  /** What becomes of what was pressed, for eyes and ears. */
  readonly note = el('p', 'note', { role: 'status' });
  readonly voice = voice();
  #wanted = false;

  /**
   * @param kind `ask` is not urgent; `screen` covers the page
   * @param escape what the Escape key does
   */
  constructor(
    kind: 'ask' | 'urgent' | 'screen',
    escape: () => void,
    body: readonly HTMLElement[],
    actions: readonly HTMLElement[],
  ) {
    const role = kind === 'ask' ? 'dialog' : 'alertdialog';
    this.element = el(
      'dialog',
      `dialog ${kind}`,
      { role, 'aria-labelledby': 'title', 'aria-describedby': 'text' },
      this.title,
      this.text,
      el('div', 'body', {}, ...body),
      this.note,
      this.voice,
      el('div', 'actions', {}, ...actions),
    );
    this.element.addEventListener('cancel', (event) => {
      event.preventDefault();
      escape();
    });
    // Browsers close a dialog all the same when Escape is pressed twice.
    this.element.addEventListener('close', () => {
      if (this.#wanted && !this.element.open) escape();
    });
  }

  toggle(open: boolean): void {
    this.#wanted = open;
    if (open === this.element.open) return;
    if (open) {
      this.element.showModal();
      this.title.focus();
    } else this.element.close();
  }
}

/** A card on the page, of what is not so urgent that it may stop anybody. */
export class Card {
  readonly element: HTMLElement;
  readonly text = el('span', 'card-text');
  readonly clock = clock();

  constructor(actions: readonly HTMLElement[], ...more: readonly HTMLElement[]) {
    this.element = el(
      'section',
      'card',
      {},
      el('div', 'lines', {}, el('p', 'line', {}, this.text, ' ', this.clock), ...more),
      el('div', 'actions', {}, ...actions),
    );
    this.element.hidden = true;
  }

  /** Shows the card with this text, or takes it away. */
  show(text: string | false | undefined): void {
    this.element.hidden = !text;
    if (!text) return;
    say(this.text, text);
    this.element.ariaLabel = text;
  }
}
