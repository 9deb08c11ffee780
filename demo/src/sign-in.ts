import { el } from './dom.js';
import { avatar, type Person } from './people.js';

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
export function signInScreen(people: readonly Person[], choose: (person: Person) => void): HTMLElement {
  return el(
    'main',
    { class: 'narrow' },
    el('h1', { tabindex: '-1' }, 'Who are you today?'),
    el(
      'p',
      { class: 'lead' },
      'A small accounting office on Lastcall: one person edits a record at a time, and nobody loses work when they are logged off.',
    ),
    el('div', { class: 'people' }, ...people.map((person) => choice(person, choose))),
    el(
      'p',
      { class: 'tip' },
      el('strong', {}, 'In a hurry? '),
      link('both.html', 'Two people and the administrator, side by side'),
    ),
    el(
      'ol',
      { class: 'steps' },
      el('li', {}, 'Sign in here, and open an invoice, a customer or a user.'),
      el('li', {}, link('./', 'Open a second window'), ', sign in as somebody else, and open the same one.'),
      el(
        'li',
        {},
        link('admin.html', 'Open the administrator’s page'),
        ', and log everybody off while you type.',
      ),
      el('li', {}, 'Sign in again: what could not be saved is offered back.'),
    ),
  );
}
