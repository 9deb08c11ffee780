import type { Maintenance, MaintenanceRequest, MaintenanceState } from '@lastcall/shared';
import { button, el, fill, say } from '../dom.js';
import { choice } from './choice.js';

const STARTS: readonly (readonly [ms: number, label: string])[] = [
  [20_000, 'In 20 seconds'],
  [60_000, 'In 1 minute'],
  [300_000, 'In 5 minutes'],
];
const HOLD_MS = 10_000;
/** People are told again so long before the start. */
const LADDER_MS: readonly number[] = [300_000, 60_000, 30_000, 10_000];

const WORDS: Readonly<Record<MaintenanceState, string>> = {
  scheduled: 'Planned. Nobody was told yet.',
  announcing: 'Announced. Everybody has been told, and nobody new is let in.',
  closing: 'Closing. Everybody is being logged off.',
  closed: 'Closed for maintenance. Nobody is let in until it is lifted.',
};

export interface MaintenanceActions {
  readonly plan: (request: MaintenanceRequest) => void;
  readonly lift: () => void;
}

/** Everybody out by a time, and nobody in until it is lifted. */
export class MaintenanceCard {
  readonly element: HTMLElement;
  readonly #start = choice('Begins', STARTS, 20_000);
  readonly #state = el('p', { class: 'state', role: 'status' });
  readonly #plan: HTMLButtonElement;
  readonly #lift: HTMLButtonElement;

  constructor({ plan, lift }: MaintenanceActions) {
    this.#plan = button('Close for maintenance', () => {
      plan(this.#request());
    });
    this.#lift = button('Lift it', lift, { kind: 'primary' });
    this.element = el('section', { class: 'card small', 'aria-label': 'Maintenance' });
    fill(
      this.element,
      el('h2', {}, 'Maintenance'),
      this.#state,
      this.#start.field,
      el('div', { class: 'actions' }, this.#plan, this.#lift),
    );
    this.show(undefined);
  }

  show(window: Maintenance | undefined): void {
    say(this.#state, window ? WORDS[window.state] : 'None. Everybody may sign in.');
    this.#start.field.hidden = window !== undefined;
    this.#plan.hidden = window !== undefined;
    this.#lift.hidden = window === undefined;
  }

  #request(): MaintenanceRequest {
    const startsInMs = Number(this.#start.select.value);
    return {
      message: 'The books are closed for maintenance.',
      startsInMs,
      admissionStopsMs: startsInMs,
      ladderMs: [...new Set([startsInMs, ...LADDER_MS.filter((ms) => ms < startsInMs)])],
      holdMs: HOLD_MS,
    };
  }
}
