import type { Ended, LastcallError } from '@lastcall/client';
import { button, el, say } from './dom.js';
import { clockOf } from './time.js';

const TITLES: Readonly<Record<Ended['reason'], string>> = {
  user: 'You have signed out',
  idle: 'You were signed out after a while without input',
  max_age: 'You were signed out after a long day',
  admin: 'You have been logged off',
  maintenance: 'Logged off for maintenance',
  security: 'Logged off for security',
  unresponsive: 'This window was not heard for too long',
  replaced: 'You signed in somewhere else',
  token_expired: 'Your sign-in has expired',
  revoked: 'Your access was withdrawn',
};

export interface Leaving {
  readonly title: string;
  readonly message: string;
  readonly by?: string | undefined;
  /** Whether anything was lost. */
  readonly work?: string | undefined;
  /** For how many milliseconds signing in again is refused. */
  readonly deniedMs: number;
}

/** What to say of an ended session. */
export function leavingOf({ reason, by, message, reentryMs = 0 }: Ended, unsaved: boolean): Leaving {
  const person = by.kind === 'admin' ? (by.name ?? 'an administrator') : undefined;
  return {
    title: TITLES[reason],
    message,
    by: person,
    work: unsaved ? 'Some of your changes could not be saved.' : 'No work was lost.',
    deniedMs: reentryMs,
  };
}

/** What to say when this window cannot go on, though the session did not end here. */
export function stoppedOf(error: LastcallError | undefined): Leaving {
  const title = error?.code === 'superseded' ? 'You went on in another window' : 'You cannot sign in now';
  return {
    title,
    message: error?.message ?? 'The connection was closed.',
    deniedMs: error?.extras.retryAfterMs ?? 0,
  };
}

/** The last screen: why, by whom, and how to come back. */
export function endedScreen(leaving: Leaving, again: () => void, other: () => void): HTMLElement {
  const { title, message, by, work, deniedMs } = leaving;
  const signIn = button('Sign in again', again, { kind: 'primary', id: 'again' });
  const wait = el('p', { class: 'denied', role: 'status' });
  const until = performance.now() + deniedMs;
  const tick = (): void => {
    const leftMs = until - performance.now();
    signIn.disabled = leftMs > 0;
    say(wait, leftMs > 0 ? `You may sign in again in ${clockOf(leftMs)}.` : '');
    if (leftMs <= 0) clearInterval(timer);
  };
  const timer = setInterval(tick, 500);
  tick();
  return el(
    'main',
    { class: 'narrow ended' },
    el('h1', { tabindex: '-1' }, title),
    message !== '' && el('blockquote', {}, message),
    by !== undefined && el('p', { class: 'giver' }, `– ${by}`),
    work !== undefined && el('p', { class: 'work' }, work),
    wait,
    el('div', { class: 'actions' }, signIn, button('Be somebody else', other)),
  );
}
