import type { OrderAction, OrderRequest } from '@lastcall/shared';
import { button, el } from '../dom.js';
import { choice } from './choice.js';

const GRACES: readonly (readonly [ms: number, label: string])[] = [
  [0, 'None: at once'],
  [10_000, '10 seconds'],
  [20_000, '20 seconds'],
  [60_000, '1 minute'],
  [300_000, '5 minutes'],
];
const DENIALS: readonly (readonly [ms: number, label: string])[] = [
  [0, 'They may come back'],
  [60_000, 'Keep out for 1 minute'],
  [600_000, 'Keep out for 10 minutes'],
];
/** Who is saving at the end gets this much more. */
const HOLD_MS = 10_000;
const WARNING_MS = 60_000;

/** Where the administrator says what people read and how long they have. */
export class Compose {
  readonly element: HTMLElement;
  readonly #message = el('input', {
    type: 'text',
    maxlength: '200',
    value: 'Year-end closing: please save your work.',
    autocomplete: 'off',
  });
  readonly #grace = choice('Time to save', GRACES, 20_000);
  readonly #deny = choice('Afterwards', DENIALS, 0);

  constructor(all: (action: OrderAction) => void) {
    const warn = button('Warn everybody', () => {
      all('warn');
    });
    const logOff = button(
      'Log everybody off',
      () => {
        all('logoff');
      },
      { kind: 'danger' },
    );
    this.element = el(
      'section',
      { class: 'card compose', 'aria-label': 'Warn or log off' },
      el('h2', { class: 'wide' }, 'Warn or log off'),
      el('label', { class: 'field wide' }, el('span', {}, 'Message'), this.#message),
      this.#grace.field,
      this.#deny.field,
      el('div', { class: 'actions' }, warn, logOff),
    );
  }

  request(action: OrderAction, target: OrderRequest['target']): OrderRequest {
    const message = this.#message.value.trim() || 'Please save your work.';
    if (action === 'warn') return { action, target, message, reason: 'admin', graceMs: WARNING_MS };
    const denyMs = Number(this.#deny.select.value);
    const graceMs = Number(this.#grace.select.value);
    return {
      action,
      target,
      message,
      reason: 'admin',
      graceMs,
      // At once is at once: what is unsaved becomes a draft.
      holdMs: graceMs === 0 ? 0 : HOLD_MS,
      ...(denyMs > 0 && { reentry: { denyMs } }),
    };
  }
}
