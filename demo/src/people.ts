import { el } from './dom.js';
import { type Lookup, PEOPLE_KIND } from './kinds.js';
import { seat } from './seat.js';
import { USERS } from './seeds.js';
import { textOf } from './values.js';

/** The company file everybody works in. */
export const TENANT = 'demo';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly task: string;
}

export const ADMINISTRATOR: Person = { id: 'admin', name: 'Administrator', task: 'Administration' };

/** Whoever may sign in: the users of the office. */
export function peopleOf(records: Lookup): readonly Person[] {
  return records.list(PEOPLE_KIND).map(({ id, values }) => ({
    id,
    name: textOf(values, 'name') || id,
    task: textOf(values, 'role'),
  }));
}

/** Everybody has a colour of their own (base.css); the last one is for whoever is no user. */
function toneOf(id: string): number {
  const ids = Object.keys(USERS);
  const known = ids.indexOf(id);
  return known >= 0 ? known : ids.length;
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

/** Who is signed in in this window, or whom its address signs in (`?as=ada`); survives a reload. */
export function remembered(people: readonly Person[]): Person | undefined {
  const id = seat.getItem(KEY) ?? new URLSearchParams(location.search).get('as');
  return people.find((person) => person.id === id);
}

export function remember(person: Person | undefined): void {
  if (person) seat.setItem(KEY, person.id);
  else seat.removeItem(KEY);
}
