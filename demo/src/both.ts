import { button, byId, el, fill } from './dom.js';
import { header } from './header.js';

interface Pane {
  /** Of its frame, and so of the place in which it keeps what survives a reload. */
  readonly name: string;
  readonly title: string;
  readonly href: string;
}

const FIRST: Pane = { name: 'first', title: 'Ada’s window', href: './?as=ada' };
const SECOND: Pane = { name: 'second', title: 'Grace’s window', href: './?as=grace' };
const ADMIN: Pane = { name: 'admin', title: 'The administrator’s window', href: 'admin.html?as=admin' };

/** Wide enough for two people beside the administrator. */
const WIDE = '(min-width: 90rem)';

function paneOf({ name, title, href }: Pane): HTMLElement {
  const frame = el('iframe', { name, title, src: href });
  const caption = el(
    'p',
    { class: 'pane-title' },
    el('span', { class: 'lights', 'aria-hidden': 'true' }),
    title,
  );
  return el('section', { class: 'pane', 'aria-label': title }, caption, frame);
}

/** The office and its administrator in one window, to see at both ends what happens. */
function both(): void {
  const second = paneOf(SECOND);
  const panes = el('main', { class: 'panes' }, paneOf(FIRST), paneOf(ADMIN));
  const toggle = button('Second person', () => {
    show(!second.isConnected);
  });
  const show = (isShown: boolean): void => {
    if (isShown) panes.firstElementChild?.after(second);
    else second.remove();
    toggle.setAttribute('aria-pressed', String(isShown));
  };
  show(matchMedia(WIDE).matches);
  fill(
    byId('app'),
    header({ state: toggle }),
    el('h1', { class: 'unseen' }, 'The office and its administrator'),
    panes,
  );
}

both();
