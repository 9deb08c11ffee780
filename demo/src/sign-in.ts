import { el } from './dom.js';
import { avatar, PEOPLE, type Person } from './people.js';

function choice(person: Person, choose: (person: Person) => void): HTMLElement {
  const element = el(
    'button',
    { type: 'button', class: 'person' },
    avatar(person),
    el('span', { class: 'person-name' }, el('span', { class: 'unseen' }, 'Sign in as '), person.name),
    el('span', { class: 'person-task' }, person.task),
  );
  element.addEventListener('click', () => {
    choose(person);
  });
  return element;
}

function link(href: string, text: string): HTMLElement {
  return el('a', { href, target: '_blank', rel: 'noopener' }, text);
}

/** The first screen: one click, and one is somebody. */
export function signInScreen(choose: (person: Person) => void): HTMLElement {
  return el(
    'main',
    { class: 'narrow' },
    el('h1', {}, 'Who are you today?'),
    el(
      'p',
      { class: 'lead' },
      'A small invoice editor on Lastcall: one person edits a record at a time, and nobody loses work when they are logged off.',
    ),
    el('div', { class: 'people' }, ...PEOPLE.map((person) => choice(person, choose))),
    el(
      'ol',
      { class: 'steps' },
      el('li', {}, 'Sign in here, and open an invoice.'),
      el(
        'li',
        {},
        link('./', 'Open a second window'),
        ', sign in as somebody else, and open the same invoice.',
      ),
      el(
        'li',
        {},
        link('admin.html', 'Open the administrator’s page'),
        ', and log everybody off while you type.',
      ),
    ),
  );
}
