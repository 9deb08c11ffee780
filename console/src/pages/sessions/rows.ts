import { SESSION_STATES, type Session, type SessionState } from '@lastcall/shared';

export const SORTS = ['user', 'state', 'unsaved', 'view', 'locks', 'input', 'from', 'opened'] as const;
export type Sort = (typeof SORTS)[number];
export const GROUPS = ['none', 'user', 'app'] as const;
export type Group = (typeof GROUPS)[number];

/** Which sessions are shown, and how. */
export interface View {
  readonly query: string;
  readonly state: SessionState | '';
  readonly onlyUnsaved: boolean;
  /** Name of an application; '' for every one. */
  readonly app: string;
  readonly sort: Sort;
  readonly isDescending: boolean;
  readonly group: Group;
}

export const FIRST_VIEW: View = {
  query: '',
  state: '',
  onlyUnsaved: false,
  app: '',
  sort: 'user',
  isDescending: false,
  group: 'none',
};

/** A line of the table. */
export type Item =
  | { readonly kind: 'session'; readonly session: Session }
  | {
      readonly kind: 'group';
      readonly key: string;
      readonly name: string;
      readonly sessions: readonly Session[];
      readonly unsaved: number;
    };

interface Words {
  readonly all: string;
  readonly name: string;
  readonly from: string;
}

/** What a session is found and sorted by, made once for each. */
const wordsOfSession = new WeakMap<Session, Words>();

function wordsOf(session: Session): Words {
  const known = wordsOfSession.get(session);
  if (known) return known;
  const { user, view = '', app, device, address, id, state } = session;
  const from = `${app?.name ?? ''} ${app?.version ?? ''} ${device?.label ?? ''} ${address}`.toLowerCase();
  // What separates them comes before every letter: somebody's second account stands behind the first.
  const name = `${user.name}\u0001${user.id}`.toLowerCase();
  const words = { name, from, all: `${name} ${view.toLowerCase()} ${from} ${id} ${state}` };
  wordsOfSession.set(session, words);
  return words;
}

const rank = (state: SessionState): number => SESSION_STATES.indexOf(state);

const KEYS: Readonly<Record<Sort, (session: Session) => string | number>> = {
  user: (session) => wordsOf(session).name,
  state: ({ state }) => rank(state),
  unsaved: ({ dirty }) => (dirty ? 0 : 1),
  view: ({ view = '\uffff' }) => view,
  locks: ({ locks }) => -locks,
  input: ({ lastInputAt }) => -lastInputAt,
  from: (session) => wordsOf(session).from,
  opened: ({ openedAt }) => -openedAt,
};

function comparer({ sort, isDescending }: View): (a: Session, b: Session) => number {
  const key = KEYS[sort];
  const sign = isDescending ? -1 : 1;
  return (a, b) => {
    const left = key(a);
    const right = key(b);
    if (left !== right) return left < right ? -sign : sign;
    return a.id < b.id ? -1 : 1;
  };
}

/** Whether a session is one of those that are looked for; the state apart, since each state has its count. */
function matcher({ query, onlyUnsaved, app }: View): (session: Session) => boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return (session) => {
    if (onlyUnsaved && !session.dirty) return false;
    if (app !== '' && session.app?.name !== app) return false;
    if (words.length === 0) return true;
    const { all } = wordsOf(session);
    return words.every((word) => all.includes(word));
  };
}

/** The sessions a view shows, and how many of those it looks for are in each state. */
export interface Found {
  readonly sessions: readonly Session[];
  readonly counts: Readonly<Partial<Record<SessionState, number>>>;
  readonly matching: number;
}

/**
 * What a view shows of all sessions. `before` is what it showed last: what is in order already is sorted quickly.
 */
export function find(all: ReadonlyMap<string, Session>, view: View, before: readonly Session[] = []): Found {
  const matches = matcher(view);
  const counts: Partial<Record<SessionState, number>> = {};
  const sessions: Session[] = [];
  let matching = 0;
  const look = (session: Session): void => {
    if (!matches(session)) return;
    matching += 1;
    counts[session.state] = (counts[session.state] ?? 0) + 1;
    if (view.state === '' || session.state === view.state) sessions.push(session);
  };
  const seen = new Set<string>();
  for (const { id } of before) {
    const session = all.get(id);
    if (!session || seen.has(id)) continue;
    seen.add(id);
    look(session);
  }
  if (seen.size < all.size) for (const session of all.values()) if (!seen.has(session.id)) look(session);
  return { sessions: sessions.toSorted(comparer(view)), counts, matching };
}

/** The lines of the table: sessions, or groups with the sessions of those that are open. */
export function itemsOf(
  sessions: readonly Session[],
  group: Group,
  isOpen: (key: string) => boolean,
  noApp: string,
): readonly Item[] {
  if (group === 'none') return sessions.map((session) => ({ kind: 'session', session }));
  const groups = new Map<string, Session[]>();
  for (const session of sessions) {
    const key = group === 'user' ? session.user.id : (session.app?.name ?? '');
    const members = groups.get(key);
    if (members) members.push(session);
    else groups.set(key, [session]);
  }
  return [...groups].flatMap(([key, members]): Item[] => {
    const name = group === 'user' ? (members[0]?.user.name ?? key) : key || noApp;
    const unsaved = members.filter(({ dirty }) => dirty).length;
    const head: Item = { kind: 'group', key, name, sessions: members, unsaved };
    if (!isOpen(key)) return [head];
    return [head, ...members.map((session): Item => ({ kind: 'session', session }))];
  });
}

/** Names of the applications, in order. */
export function appsOf(all: ReadonlyMap<string, Session>): readonly string[] {
  const names = new Set<string>();
  for (const { app } of all.values()) if (app) names.add(app.name);
  return [...names].toSorted();
}
