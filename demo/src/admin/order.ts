import type { Check, Checks, Order, Receipt } from '@lastcall/shared';
import { button, el, fill, say } from '../dom.js';
import { avatar } from '../people.js';
import { clockOf } from '../time.js';

const STEPS = ['Identify', 'Warn', 'Log off', 'Verify'] as const;

/** How far an order is, as the number of steps that are done. */
function stepsDone({ action, state, counts }: Order): number {
  if (state === 'done') return action === 'warn' ? 2 : counts.verified === counts.targeted ? 4 : 3;
  if (counts.ended > 0 && counts.ended === counts.targeted) return 3;
  if (counts.targeted > 0 && counts.delivered + counts.ended >= counts.targeted) return 2;
  return 1;
}

const CHECKS: readonly (readonly [name: keyof Checks, label: string])[] = [
  ['registry', 'Ended'],
  ['sockets', 'No socket'],
  ['locks', 'No lock'],
  ['reentry', 'Stays out'],
];

function checkMark(label: string, check: Check | undefined): HTMLElement {
  const tone = check === undefined ? 'open' : check.ok ? 'ok' : 'failed';
  const spoken = { open: 'not checked yet', ok: 'holds', failed: 'does not hold' }[tone];
  return el(
    'span',
    { class: `check ${tone}`, title: check?.detail },
    el('span', { class: 'mark', 'aria-hidden': 'true' }),
    label,
    el('span', { class: 'unseen' }, `: ${spoken}`),
  );
}

const OUTCOMES: Readonly<Record<NonNullable<Receipt['outcome']>, string>> = {
  clean: 'saved and left',
  forced: 'logged off',
  fenced: 'cut off',
  gone: 'was gone already',
};

function wordOf({ state, outcome }: Receipt): string {
  if (outcome) return OUTCOMES[outcome];
  return {
    targeted: 'to be told',
    delivered: 'told',
    seen: 'has seen it',
    saving: 'is saving',
    saved: 'has saved',
    ended: 'ended',
  }[state];
}

function receiptItem(receipt: Receipt, action: Order['action']): HTMLElement {
  const { user, checks, verified } = receipt;
  const marks = CHECKS.map(([name, label]) => checkMark(label, checks?.[name]));
  return el(
    'li',
    { class: verified === true ? 'receipt verified' : 'receipt' },
    avatar(user),
    el('span', { class: 'two' }, el('strong', {}, user.name), el('span', {}, wordOf(receipt))),
    action === 'logoff' && el('span', { class: 'checks' }, ...marks),
  );
}

function summaryOf({ action, state, counts }: Order): string {
  if (state === 'cancelled') return 'Cancelled. Everybody was told.';
  if (counts.targeted === 0) return 'Nobody was logged in whom this was for.';
  if (action === 'warn')
    return `${counts.delivered} of ${counts.targeted} told, ${counts.seen} have seen it.`;
  if (counts.unverified > 0) return `${counts.unverified} of ${counts.targeted} could not be verified.`;
  return `${counts.verified} of ${counts.targeted} verified.`;
}

/** The latest order: its four steps, its countdown, and a receipt for each session. */
export class OrderCard {
  readonly element: HTMLElement;
  readonly #steps = el('ol', { class: 'stepper' });
  readonly #message = el('blockquote');
  readonly #summary = el('p', { class: 'summary', role: 'status' });
  readonly #clock = el('strong', { class: 'clock', 'aria-hidden': 'true' });
  readonly #receipts = el('ul', { class: 'receipts' });
  readonly #cancel: HTMLButtonElement;

  constructor(cancel: () => void) {
    this.#cancel = button('Cancel the order', cancel);
    this.element = el(
      'section',
      { class: 'card order', 'aria-label': 'Latest order', hidden: true },
      this.#steps,
      el('div', { class: 'order-head' }, this.#message, this.#clock),
      this.#summary,
      this.#receipts,
      this.#cancel,
    );
  }

  show(order: Order, receipts: readonly Receipt[], leftMs: number): void {
    const isOpen = order.state === 'preparing' || order.state === 'pending';
    this.element.hidden = false;
    say(this.#message, order.message);
    say(this.#summary, summaryOf(order));
    say(this.#clock, isOpen && leftMs > 0 ? clockOf(leftMs) : '');
    this.#cancel.hidden = !isOpen;
    const done = stepsDone(order);
    const shown = order.action === 'warn' ? STEPS.slice(0, 2) : STEPS;
    fill(
      this.#steps,
      ...shown.map((text, index) => {
        const place = index < done ? 'done' : index === done && order.state !== 'cancelled' ? 'now' : '';
        return el('li', { class: place, 'aria-current': place === 'now' && 'step' }, text);
      }),
    );
    fill(this.#receipts, ...receipts.map((receipt) => receiptItem(receipt, order.action)));
  }
}
