import { button, byId, el, fill } from '../dom.js';
import { header } from '../header.js';
import { ADMINISTRATOR } from '../people.js';
import { AdminPage } from './page.js';

const root = byId('app');

function signedIn(): void {
  const page = new AdminPage();
  const ended = new AbortController();
  const signOut = (): void => {
    ended.abort();
    signedOut();
  };
  fill(root, header({ person: ADMINISTRATOR, signOut }), page.element);
  void page.run(ended.signal);
}

function signedOut(): void {
  fill(
    root,
    header(),
    el(
      'main',
      { class: 'narrow' },
      el('h1', {}, 'Administrator'),
      el(
        'p',
        { class: 'lead' },
        'See who is working, warn them, log them off, and see the proof that they are gone.',
      ),
      button('Sign in as the administrator', signedIn, { kind: 'primary', id: 'sign-in' }),
    ),
  );
}

if (new URLSearchParams(location.search).get('as') === ADMINISTRATOR.id) signedIn();
else signedOut();
