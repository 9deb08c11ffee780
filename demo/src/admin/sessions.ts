import type { Session, SessionState } from '@lastcall/shared';
import { button, el, fill } from '../dom.js';
import { avatar } from '../people.js';
import { spanOf } from '../time.js';

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

function cell(label: string, ...children: readonly (Node | string)[]): HTMLElement {
  return el('td', { 'data-label': label }, ...children);
}

/** Who is logged in now. Rows are kept and changed in place, so that the focus stays on its button. */
export class SessionTable {
  readonly element: HTMLElement;
  readonly #body = el('tbody');
  readonly #empty = el(
    'p',
    { class: 'empty' },
    'Nobody is logged in. Open a window of the editor and sign in.',
  );
  readonly #table: HTMLTableElement;
  readonly #rows = new Map<string, HTMLTableRowElement>();
  readonly #actions: SessionActions;

  constructor(actions: SessionActions) {
    this.#actions = actions;
    const heads = ['Person', 'State', 'Looks at', 'Work', 'Last input', ''].map((text) =>
      text === '' ? el('td') : el('th', { scope: 'col' }, text),
    );
    this.#table = el('table', { class: 'sessions' }, el('thead', {}, el('tr', {}, ...heads)), this.#body);
    this.element = el('div', {}, this.#table, this.#empty);
    this.show([]);
  }

  show(sessions: readonly Session[]): void {
    const live = new Set(sessions.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (live.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const session of sessions) this.#showOne(session);
    this.#table.hidden = sessions.length === 0;
    this.#empty.hidden = sessions.length > 0;
  }

  #showOne(session: Session): void {
    const known = this.#rows.get(session.id);
    const row = known ?? el('tr');
    const actions = known?.lastElementChild ?? this.#buttons(session);
    fill(row, ...this.#cells(session), actions);
    if (known) return;
    this.#rows.set(session.id, row);
    this.#body.append(row);
  }

  #cells({ user, state, view, dirty, locks, lastInputAt, device, app }: Session): readonly HTMLElement[] {
    const about = [app?.name, device?.label].filter(Boolean).join(', ');
    const person = el('span', { class: 'two' }, el('strong', {}, user.name), el('span', {}, about));
    const work = dirty ? 'unsaved changes' : locks > 0 ? 'editing' : 'reading';
    return [
      cell('Person', el('span', { class: 'who' }, avatar(user), person)),
      cell('State', el('span', { class: `chip ${TONES[state]}` }, state)),
      cell('Looks at', view ?? '–'),
      cell('Work', el('span', { class: dirty ? 'unsaved' : '' }, work)),
      cell('Last input', `${spanOf(Date.now() - lastInputAt)} ago`),
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
