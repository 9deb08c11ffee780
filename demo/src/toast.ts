import { byId, el } from './dom.js';

const SHOWN_MS = 5_000;
const MAX_TOASTS = 3;

/** Tells something in passing, also to screen readers. */
export function toast(text: string): void {
  const area = byId('toasts');
  const one = el('p', { class: 'toast' }, text);
  area.append(one);
  while (area.childElementCount > MAX_TOASTS) area.firstElementChild?.remove();
  setTimeout(() => {
    one.remove();
  }, SHOWN_MS);
}
