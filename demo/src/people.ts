import { el } from './dom.js';

/** The company file everybody works in. */
export const TENANT = 'demo';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly task: string;
}

export const PEOPLE: readonly Person[] = [
  { id: 'ada', name: 'Ada', task: 'Receivables' },
  { id: 'grace', name: 'Grace', task: 'Receivables' },
  { id: 'linus', name: 'Linus', task: 'Payables' },
  { id: 'margaret', name: 'Margaret', task: 'Controlling' },
];

export const ADMINISTRATOR: Person = { id: 'admin', name: 'Administrator', task: 'Administration' };

/** Everybody has a colour of their own (base.css); the last one is for whoever is not in the list. */
function toneOf(id: string): number {
  const known = PEOPLE.findIndex((person) => person.id === id);
  return known >= 0 ? known : PEOPLE.length;
}

/** A person's initial on a colour of their own. */
export function avatar({ id, name }: { readonly id: string; readonly name: string }): HTMLElement {
  return el(
    'span',
    { class: `avatar tone-${toneOf(id)}`, 'aria-hidden': 'true' },
    name.charAt(0).toUpperCase(),
  );
}

const KEY = 'lastcall-demo:person';

/** Who is signed in in this window; survives a reload. */
export function remembered(): Person | undefined {
  const id = sessionStorage.getItem(KEY);
  return PEOPLE.find((person) => person.id === id);
}

export function remember(person: Person | undefined): void {
  if (person) sessionStorage.setItem(KEY, person.id);
  else sessionStorage.removeItem(KEY);
}
