import { DEFAULT_POLICY, type Policy, type PolicySettings } from '@lastcall/shared';
import { el } from '../dom.js';
import { choice } from './choice.js';

type IdleSettings = Pick<PolicySettings, 'beatMs' | 'idleAfterMs' | 'idleWarnMs' | 'idleLogoffMs'>;

const { beatMs, idleAfterMs, idleWarnMs, idleLogoffMs } = DEFAULT_POLICY;

/** Shorter ones need quicker beats, since a beat tells when the last input was. */
const SETTINGS: readonly (readonly [label: string, settings: IdleSettings])[] = [
  ['After 20 seconds', { beatMs: 2_000, idleAfterMs: 5_000, idleWarnMs: 12_000, idleLogoffMs: 20_000 }],
  ['After 1 minute', { beatMs: 5_000, idleAfterMs: 20_000, idleWarnMs: 30_000, idleLogoffMs: 60_000 }],
  ['After 30 minutes', { beatMs, idleAfterMs, idleWarnMs, idleLogoffMs }],
];

/** When somebody who does nothing is warned and logged off. */
export class IdleCard {
  readonly element: HTMLElement;
  readonly #choice = choice(
    'Who does nothing is logged off',
    SETTINGS.map(([label, settings]) => [settings.idleLogoffMs, label] as const),
    idleLogoffMs,
  );

  constructor(set: (changes: IdleSettings) => void) {
    const { select, field } = this.#choice;
    select.addEventListener('change', () => {
      const chosen = SETTINGS.find(([, settings]) => settings.idleLogoffMs === Number(select.value));
      if (chosen) set(chosen[1]);
    });
    this.element = el(
      'section',
      { class: 'card small', 'aria-label': 'Idleness' },
      el('h2', {}, 'Idleness'),
      el('p', { class: 'state' }, 'They are asked first whether they are still there.'),
      field,
    );
  }

  show(policy: Policy): void {
    const { select } = this.#choice;
    if (document.activeElement !== select) select.value = String(policy.idleLogoffMs);
  }
}
