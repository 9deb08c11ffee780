import { button, el } from './dom.js';
import { avatar, type Person } from './people.js';

export interface HeaderParts {
  readonly middle?: HTMLElement;
  readonly state?: HTMLElement;
  readonly person?: Person;
  readonly signOut?: () => void;
}

/** The line on top of every page: the product, what it consists of, the state, the person. */
export function header({ middle, state, person, signOut }: HeaderParts = {}): HTMLElement {
  return el(
    'header',
    { class: 'top' },
    el(
      'a',
      { class: 'brand', href: './' },
      el('span', { class: 'mark', 'aria-hidden': 'true' }),
      el('span', {}, 'Ledger'),
    ),
    middle ?? el('span', { class: 'tag' }, 'a Lastcall demo'),
    el('span', { class: 'space' }),
    state,
    person && el('span', { class: 'who' }, avatar(person), el('span', {}, person.name)),
    signOut && button('Sign out', signOut, { kind: 'quiet' }),
  );
}
