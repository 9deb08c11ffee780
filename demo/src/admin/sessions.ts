import type { Session, SessionState } from '@lastcall/shared';
import { button, el } from '../dom.js';
import { avatar } from '../people.js';
import { spanOf } from '../time.js';
import { Rows } from './rows.js';

const TONES: Readonly<Record<SessionState, string>> = {
  active: 'good',
  idle: 'dim',
  warned: 'wait',
  saving: 'wait',
  disconnected: 'dim',
  ended: 'bad',
};

export interface SessionActions {
  warn(session: Session): void;
  logOff(session: Session): void;
}

function cell(...children: readonly (Node | string)[]): HTMLElement {
  return el('td', {}, ...children);
}

/** Who is logged in now. */
export class SessionTable {
  readonly element: HTMLElement;
  readonly #empty = el(
    'p',
    { class: 'empty' },
    'Nobody is logged in. Open a window of the editor and sign in.',
  );
  readonly #table: HTMLTableElement;
  readonly #rows: Rows<Session>;
  readonly #actions: SessionActions;

  constructor(actions: SessionActions) {
    this.#actions = actions;
    const heads = ['Person', 'State', 'Looks at', 'Work', 'Last input', ''].map((text) =>
      text === '' ? el('td') : el('th', { scope: 'col' }, text),
    );
    const body = el('tbody');
    this.#rows = new Rows(body, {
      make: () => el('tr'),
      cells: (session) => this.#cells(session),
      actions: (session) => this.#buttons(session),
    });
    this.#table = el('table', { class: 'sessions' }, el('thead', {}, el('tr', {}, ...heads)), body);
    this.element = el('div', {}, this.#table, this.#empty);
    this.show([]);
  }

  show(sessions: readonly Session[]): void {
    this.#rows.show(new Map(sessions.map((session) => [session.id, session])));
    this.#table.hidden = sessions.length === 0;
    this.#empty.hidden = sessions.length > 0;
  }

  #cells({ user, state, view, dirty, locks, lastInputAt, device, app }: Session): readonly HTMLElement[] {
    const about = [app?.name, device?.label].filter(Boolean).join(', ');
    const person = el('span', { class: 'two' }, el('strong', {}, user.name), el('span', {}, about));
    const work = dirty ? 'unsaved changes' : locks > 0 ? 'editing' : 'reading';
    return [
      cell(el('span', { class: 'who' }, avatar(user), person)),
      cell(el('span', { class: `chip ${TONES[state]}` }, state)),
      cell(view ?? '–'),
      cell(el('span', { class: dirty ? 'unsaved' : '' }, work)),
      cell(`${spanOf(Date.now() - lastInputAt)} ago`),
    ];
  }

  #buttons(session: Session): HTMLElement {
    const warn = button('Warn', () => {
      this.#actions.warn(session);
    });
    const logOff = button(
      'Log off',
      () => {
        this.#actions.logOff(session);
      },
      { kind: 'danger' },
    );
    for (const [one, verb] of [
      [warn, 'Warn'],
      [logOff, 'Log off'],
    ] as const) {
      one.setAttribute('aria-label', `${verb} ${session.user.name}`);
    }
    return el('td', { class: 'row-actions' }, el('div', { class: 'actions' }, warn, logOff));
  }
}
