import { button, el } from './dom.js';
import { avatar, type Person } from './people.js';

/** The line on top of every page: the product, the state, the person. */
export function header(middle: HTMLElement | undefined, person?: Person, signOut?: () => void): HTMLElement {
  return el(
    'header',
    { class: 'top' },
    el(
      'a',
      { class: 'brand', href: './' },
      el('span', { class: 'mark', 'aria-hidden': 'true' }),
      el('span', {}, 'Ledger'),
    ),
    el('span', { class: 'tag' }, 'a Lastcall demo'),
    el('span', { class: 'space' }),
    middle,
    person && el('span', { class: 'who' }, avatar(person), el('span', {}, person.name)),
    signOut && button('Sign out', signOut, { kind: 'quiet' }),
  );
}
