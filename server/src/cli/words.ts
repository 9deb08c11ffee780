import type { Actor, App, Device, SessionState, UserRef } from '@lastcall/shared';
import type { Colors } from './terminal.js';

// How the nouns of the contract read on a terminal.

/** A person: the name, and the id where it says more. */
export function personOf({ id, name }: UserRef): string {
  return name === id || name === '' ? id : `${name} (${id})`;
}

export function actorOf({ kind, id, name }: Actor): string {
  if (id === undefined) return kind === 'system' ? 'the broker' : `the ${kind}`;
  return personOf({ id, name: name ?? id });
}

export function appOf(app: App | undefined): string {
  return app ? [app.name, app.version].filter(Boolean).join(' ') : '';
}

export function deviceOf(device: Device | undefined): string {
  return device?.label ?? device?.kind ?? '';
}

const PAINT: Readonly<Record<SessionState, 'green' | 'yellow' | 'red' | 'dim'>> = {
  active: 'green',
  idle: 'dim',
  warned: 'yellow',
  saving: 'yellow',
  disconnected: 'dim',
  ended: 'red',
};

export function paintState(colors: Colors, text: string, state: SessionState): string {
  return colors[PAINT[state]](text);
}

/** `1 session`, `3 sessions`. */
export function count(items: number, one: string, many = `${one}s`): string {
  return `${items} ${items === 1 ? one : many}`;
}
