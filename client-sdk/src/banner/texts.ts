/** Every text of the elements, in English. `{name}` and the like are replaced. */
export const ENGLISH = {
  direction: 'ltr',

  ok: 'OK',
  cancel: 'Cancel',
  later: 'Later',
  somebody: 'Somebody',
  administrator: 'An administrator',

  messageTitle: 'A message for you',
  idleTitle: 'Are you still there?',
  logoffTitle: 'Please save your work',
  timeLeft: 'You will be signed out in {time}.',
  barText: 'You will be signed out in',
  due_idle: 'You have not done anything for a while.',
  due_max_age: 'You have been signed in for as long as is allowed.',
  due_token_expired: 'Your sign-in is about to expire.',
  due_replaced: 'You have signed in somewhere else.',
  work_open: 'What is unsaved is saved before that.',
  work_saving: 'Saving …',
  work_saved: 'Your work is saved.',
  work_failed: 'Your work could not be saved.',
  saveAndSignOut: 'Save and sign out',
  keepWorking: 'Keep working',
  stillHere: 'I’m still here',
  moreTime: 'More time',
  noMoreTime: 'There is no more time.',
  moreTimeGiven: 'You have {time} now.',
  withdrawn: 'You stay signed in.',
  show: 'Show',

  free: 'Nobody is editing',
  taken: '{name} is editing',
  takenByMany: '{name} and {count} more are editing',
  takenElsewhere: 'You are editing in another window',
  reading: '{name} is reading',
  unknown: 'One moment …',
  waiting: 'Waiting: place {position} in line',
  waitingNext: 'Waiting: you are next',
  asked: '{name} was asked',
  held: 'You are editing',
  'at-risk': 'No connection: your right to edit may run out',
  lost: 'You can no longer edit this',
  kept: '{name} keeps it.',
  refused: 'That is not possible now.',
  edit: 'Edit',
  wait: 'Wait for it',
  stopWaiting: 'Stop waiting',
  ask: 'Ask for it',
  takeOver: 'Take it over',
  withdraw: 'Withdraw',
  getBack: 'Get it back',
  askTitle: 'Ask {name} for {record}',
  askText: '{name} has a moment to save and to answer.',
  forceTitle: 'Take {record} from {name}?',
  forceText: '{name} loses the right to edit it at once.',
  reason: 'Why (optional)',
  why: 'Why',

  askedTitle: '{name} asks for {record}',
  askedText: 'If you do nothing, your work is saved and handed over when the time is up.',
  handedOverIn: 'It is handed over in {time}.',
  handOver: 'Save and hand over',
  keep: 'Keep it',
  lostTitle: 'You can no longer edit {record}',
  lost_takeover: '{name} took it over.',
  lost_idle: 'Somebody took it over while you were away.',
  lost_admin: 'An administrator took the right to edit it away.',
  lost_other: 'The connection was away for too long.',
  lostText: 'Your text stays here to be read and copied.',

  ended_user: 'You have signed out',
  ended_idle: 'You were signed out after a while without input',
  ended_max_age: 'You were signed out after a long time',
  ended_admin: 'You have been logged off',
  ended_maintenance: 'Logged off for maintenance',
  ended_security: 'Logged off for security',
  ended_unresponsive: 'The connection was away for too long',
  ended_replaced: 'You signed in somewhere else',
  ended_token_expired: 'Your sign-in has expired',
  ended_revoked: 'Your access was withdrawn',
  stoppedElsewhere: 'You went on in another window',
  stopped: 'You cannot sign in now',
  workKept: 'Unsaved work is kept on this device. It is offered when you sign in again.',
  signInAgain: 'Sign in again',
  signInLater: 'You can sign in again in {time}.',

  draftTitle: 'Your unsaved work was kept',
  restore: 'Restore',
  copy: 'Copy the text',
  discard: 'Discard',
  discardSure: 'Discard for good',
  copied: 'The text is copied.',
  notRestored: 'It could not be restored. It is still kept.',

  status_idle: 'Not connected',
  status_connecting: 'Connecting …',
  status_online: 'Online',
  status_reconnecting: 'Reconnecting …',
  status_ended: 'Signed out',
  status_closed: 'Offline',
};

/** Every text of the elements; `direction` is `ltr` or `rtl`. */
export type Texts = Readonly<Record<keyof typeof ENGLISH, string>>;

export type TextName = keyof Texts;

const PLACEHOLDER = /\{(\w+)\}/g;

/** A text with what stands for its placeholders; names of the other direction are kept apart from what is around them. */
export function fillIn(text: string, values: Readonly<Record<string, string>>, apart: boolean): string {
  return text.replace(PLACEHOLDER, (all, name: string) => {
    const value = values[name] ?? all;
    return apart ? `\u2068${value}\u2069` : value;
  });
}

const two = (count: number): string => String(Math.floor(count) % 60).padStart(2, '0');

/** Time left, for eyes: `1:05`. */
export function clockOf(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  const hours = Math.floor(seconds / 3_600);
  return `${hours > 0 ? `${hours}:${two(seconds / 60)}` : Math.floor(seconds / 60)}:${two(seconds)}`;
}

/** Time left, for ears: `2 minutes`. */
export function timeOf(ms: number, language: string): string {
  const seconds = Math.ceil(ms / 1_000);
  const [value, unit] = seconds < 90 ? [seconds, 'second'] : [Math.round(seconds / 60), 'minute'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(value);
}
