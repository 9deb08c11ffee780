import type { LastcallClient, LockHandle, LockHolder, LostReason, UserRef } from '@lastcall/client';
import { button, el, fill, say } from './dom.js';
import { avatar } from './people.js';
import type { Right, RightState } from './right.js';
import { clockOf, spanOf } from './time.js';

type Tone = 'good' | 'wait' | 'bad';

interface Words {
  readonly tone: Tone;
  readonly title: string;
  readonly text?: string;
  readonly who?: UserRef | undefined;
  /** What is counted down. */
  readonly until?: string;
  readonly actions?: readonly HTMLButtonElement[];
}

/** How often "since 2 min" is written anew. */
const REFRESH_MS = 10_000;
const TICK_MS = 250;

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
  takeover: 'took the record over.',
  idle: 'took the record over while you were away.',
  data_loss: 'The broker lost its data.',
  lease: 'You were away for too long.',
  away: 'You were away for too long.',
};

function lostBecause({ lost }: LockHandle): string {
  const because = lost && LOST[lost.reason];
  if (lost?.reason === 'takeover' || lost?.reason === 'idle')
    return `${lost.by?.name ?? 'Somebody'} ${because}`;
  return because ?? 'The lock is gone.';
}

function requestedWords({ request }: Extract<RightState, { kind: 'requested' }>, right: Right): Words {
  const { requestId, by, reason, work } = request;
  const busy = work === 'saving';
  const name = by.name ?? 'Somebody';
  return {
    tone: 'wait',
    title: `${name} asks for this invoice`,
    text:
      reason ?? (busy ? 'Saving …' : 'If you do nothing, your work is saved and the invoice is handed over.'),
    who: by.id === undefined ? undefined : { id: by.id, name },
    until: requestId,
    actions: [
      button('Save & hand over', () => void right.yield(requestId), { kind: 'primary', disabled: busy }),
      button('Keep', () => void right.keep(requestId), { disabled: busy }),
    ],
  };
}

function takenWords({ holder }: Extract<RightState, { kind: 'taken' }>, right: Right): Words {
  const wait = button('Wait for it', () => void right.wait(), { kind: 'primary' });
  const take = button('Ask for it', () => void right.takeOver());
  return {
    tone: 'wait',
    title: takenBy(holder),
    text: detailsOf(holder),
    who: holder?.user,
    actions: holder?.takeable === 'no' ? [wait] : [wait, take],
  };
}

function wordsOf(state: RightState, right: Right, copy: () => void): Words {
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
    case 'requested':
      return requestedWords(state, right);
    case 'taken':
      return takenWords(state, right);
    case 'asked':
      return {
        tone: 'wait',
        title: `${whoOf(state.holder)} was asked for it`,
        text: 'You get the invoice when it is handed over, or when the time is over.',
        who: state.holder?.user,
        until: state.requestId,
        actions: [button('Stop waiting', () => void right.stopWaiting())],
      };
    case 'free':
      return { tone: 'good', title: 'Nobody is editing now', actions: [edit()] };
    case 'waiting':
      return {
        tone: 'wait',
        title: state.position <= 1 ? 'You are next' : `You are number ${state.position} in the queue`,
        text: `${whoOf(state.holder)} is editing. You get the record the moment it is free.`,
        who: state.holder?.user,
        actions: [button('Stop waiting', () => void right.stopWaiting())],
      };
    case 'lost':
      return {
        tone: 'bad',
        title: lostBecause(state.lock),
        text: 'What you typed is still here, to read and to copy. Get the record back to save it.',
        actions: [
          button('Get it back', () => void right.ask(), { kind: 'primary' }),
          button('Copy my text', copy),
        ],
      };
    case 'failed':
      return { tone: 'bad', title: 'It cannot be edited now', text: state.message, actions: [edit()] };
  }
  return state satisfies never;
}

/** Says above a record who may write it, and offers what can be done about it. */
export class Notice {
  readonly element = el('div', { class: 'notice', role: 'status' });
  readonly #client: LastcallClient;
  readonly #copy: () => void;
  readonly #clock = el('strong', { class: 'notice-clock', 'aria-hidden': 'true' });
  readonly #timers: readonly ReturnType<typeof setInterval>[];
  #told = '';
  #until: string | undefined;
  #render: () => void = () => undefined;

  /** @param copy puts what was typed into the clipboard */
  constructor(client: LastcallClient, copy: () => void) {
    this.#client = client;
    this.#copy = copy;
    this.#timers = [
      setInterval(() => {
        this.#render();
      }, REFRESH_MS),
      setInterval(() => {
        this.#tick();
      }, TICK_MS),
    ];
  }

  show(state: RightState, right: Right): void {
    this.#render = () => {
      this.#write(wordsOf(state, right, this.#copy));
    };
    this.#render();
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #tick(): void {
    const leftMs = this.#until === undefined ? undefined : this.#client.remainingMs(this.#until);
    say(this.#clock, leftMs === undefined ? '' : clockOf(leftMs));
  }

  /** Written anew only if it says something new: the focus stays on its button, and nothing is read out twice. */
  #write({ tone, title, text, who, until, actions = [] }: Words): void {
    const told = JSON.stringify([tone, title, text, until, actions.map(({ textContent }) => textContent)]);
    if (told === this.#told) return;
    this.#told = told;
    this.#until = until;
    this.#tick();
    const hadFocus = this.element.contains(document.activeElement);
    this.element.className = `notice ${tone}`;
    fill(
      this.element,
      who && avatar(who),
      el('div', { class: 'notice-text' }, el('strong', {}, title), text ? el('span', {}, text) : undefined),
      until !== undefined && this.#clock,
      actions.length > 0 && el('div', { class: 'actions' }, ...actions),
    );
    if (hadFocus) actions[0]?.focus();
  }
}
