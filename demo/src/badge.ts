import type { Snapshot, Status } from '@lastcall/client';
import { el, say } from './dom.js';

interface Words {
  readonly tone: 'good' | 'wait' | 'bad';
  readonly text: string;
  readonly title: string;
}

const CONNECTING: Words = { tone: 'wait', text: 'Connecting', title: 'Not connected yet.' };
const OFFLINE: Words = { tone: 'bad', text: 'Offline', title: 'You are not signed in.' };
const AT_RISK: Words = {
  tone: 'bad',
  text: 'At risk',
  title: 'The broker was not heard for long: your lock may run out.',
};
const SAVING: Words = { tone: 'wait', text: 'Saving', title: 'Your work is being saved.' };

const WORDS: Readonly<Record<Status, Words>> = {
  idle: CONNECTING,
  connecting: CONNECTING,
  online: { tone: 'good', text: 'Online', title: 'Connected. Your session is alive.' },
  reconnecting: {
    tone: 'wait',
    text: 'Reconnecting',
    title: 'The connection is lost. Your session waits for you.',
  },
  ended: OFFLINE,
  closed: OFFLINE,
};

function wordsOf({ status, locks, saving }: Snapshot): Words {
  if (locks.some(({ state }) => state === 'at-risk')) return AT_RISK;
  return saving ? SAVING : WORDS[status];
}

/** The state of the connection, for eyes and ears. */
export function badge(): { readonly element: HTMLElement; update(snapshot: Snapshot): void } {
  const text = el('span');
  const element = el(
    'span',
    { class: 'badge', role: 'status' },
    el('span', { class: 'dot', 'aria-hidden': 'true' }),
    text,
  );
  return {
    element,
    update(snapshot) {
      const words = wordsOf(snapshot);
      element.className = `badge ${words.tone}`;
      element.title = words.title;
      say(text, words.text);
    },
  };
}
