import type { LockHandle, LockHolder, LostReason } from '@lastcall/client';
import { button, el, fill } from './dom.js';
import { avatar } from './people.js';
import type { Right, RightState } from './right.js';
import { spanOf } from './time.js';

type Tone = 'good' | 'wait' | 'bad';

interface Words {
  readonly tone: Tone;
  readonly title: string;
  readonly text?: string;
  readonly holder?: LockHolder | undefined;
  readonly actions?: readonly HTMLButtonElement[];
}

/** How often "since 2 min" is written anew. */
const REFRESH_MS = 10_000;

function whoOf(holder: LockHolder | undefined): string {
  return holder?.user.name ?? 'Somebody';
}

function takenBy(holder: LockHolder | undefined): string {
  const sinceMs = holder ? Date.now() - holder.grantedAt : 0;
  return sinceMs < 10_000
    ? `${whoOf(holder)} is editing`
    : `${whoOf(holder)} is editing since ${spanOf(sinceMs)}`;
}

function detailsOf(holder: LockHolder | undefined): string {
  if (!holder) return '';
  const idle = holder.idleMs >= 60_000 ? `no input for ${spanOf(holder.idleMs)}` : 'at work';
  return `${holder.dirty ? 'Unsaved changes' : 'Nothing unsaved'}, ${idle}.`;
}

const LOST: Readonly<Partial<Record<LostReason, string>>> = {
  admin: 'An administrator took the lock away.',
  takeover: 'Somebody took the record over.',
  data_loss: 'The broker lost its data.',
  lease: 'You were away for too long.',
  away: 'You were away for too long.',
};

function lostBecause({ lost }: LockHandle): string {
  return (lost && LOST[lost.reason]) ?? 'The lock is gone.';
}

function wordsOf(state: RightState, right: Right): Words {
  const edit = (): HTMLButtonElement => button('Edit', () => void right.ask(), { kind: 'primary' });
  switch (state.kind) {
    case 'asking':
      return { tone: 'wait', title: 'Asking for the record …' };
    case 'held':
      return { tone: 'good', title: 'You are editing', text: 'Others can read it, and see that it is you.' };
    case 'at-risk':
      return {
        tone: 'bad',
        title: 'The connection is weak',
        text: 'Nothing can be saved until the broker is heard again.',
      };
    case 'taken':
      return {
        tone: 'wait',
        title: takenBy(state.holder),
        text: detailsOf(state.holder),
        holder: state.holder,
        actions: [button('Wait for it', () => void right.wait(), { kind: 'primary' })],
      };
    case 'free':
      return { tone: 'good', title: 'Nobody is editing now', actions: [edit()] };
    case 'waiting':
      return {
        tone: 'wait',
        title: state.position <= 1 ? 'You are next' : `You are number ${state.position} in the queue`,
        text: `${whoOf(state.holder)} is editing. You get the record the moment it is free.`,
        holder: state.holder,
        actions: [button('Stop waiting', () => void right.stopWaiting())],
      };
    case 'lost':
      return {
        tone: 'bad',
        title: lostBecause(state.lock),
        text: 'What you typed is still here. Get the record back to save it.',
        actions: [button('Get it back', () => void right.ask(), { kind: 'primary' })],
      };
    case 'failed':
      return { tone: 'bad', title: 'It cannot be edited now', text: state.message, actions: [edit()] };
  }
  return state satisfies never;
}

/** Says above a record who may write it, and offers what can be done about it. */
export class Notice {
  readonly element = el('div', { class: 'notice', role: 'status' });
  readonly #timer: ReturnType<typeof setInterval>;
  #told = '';
  #render: () => void = () => undefined;

  constructor() {
    this.#timer = setInterval(() => {
      this.#render();
    }, REFRESH_MS);
  }

  show(state: RightState, right: Right): void {
    this.#render = () => {
      this.#write(wordsOf(state, right));
    };
    this.#render();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Written anew only if it says something new: the focus stays on its button, and nothing is read out twice. */
  #write({ tone, title, text, holder, actions = [] }: Words): void {
    const told = JSON.stringify([tone, title, text]);
    if (told === this.#told) return;
    this.#told = told;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.className = `notice ${tone}`;
    fill(
      this.element,
      holder && avatar(holder.user),
      el('div', { class: 'notice-text' }, el('strong', {}, title), text ? el('span', {}, text) : undefined),
      actions.length > 0 && el('div', { class: 'actions' }, ...actions),
    );
    if (hadFocus) actions[0]?.focus();
  }
}
