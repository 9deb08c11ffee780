import { type ErrorCode, type ErrorExtras, LastcallError } from '@lastcall/shared';
import { invalid } from './schema/parse.js';

/** What a script answers when it refuses: a code of the contract and whatever belongs to it. */
export interface Refusal extends ErrorExtras {
  readonly code: ErrorCode;
  readonly said?: string;
  readonly state?: string;
  readonly reason?: string;
}

/** The sentence for a person, by code: what is the matter and what to do. */
const SENTENCES: Partial<Record<ErrorCode, (refusal: Refusal) => string>> = {
  blocked: (r) =>
    r.reason === 'stale'
      ? `Your sign-in is not valid any more${r.said ? ` (${r.said})` : ''}. Sign in again.`
      : `Signing in is not allowed at the moment${r.said ? ` (${r.said})` : ''}. Ask your administrator, or try again later.`,
  conflict: (r) => {
    if (r.reason === 'window') {
      return r.state
        ? `The maintenance window is already ${r.state}; nothing was changed. Lift it first.`
        : 'The order belongs to the maintenance window. Change or lift that instead.';
    }
    if (r.reason === 'weaker') {
      return 'You hold this resource in another way already. Use lock:upgrade, or give it back first.';
    }
    if (r.outcome) return `This request is over: ${r.outcome}. Ask again with a new requestId.`;
    return r.state
      ? `The order is already ${r.state}; nothing was changed.`
      : 'This is already there with other content. Use a new id.';
  },
  deadlock: (r) => {
    const waiting = r.cycle?.slice(1).map(({ user, resource }) => `${user.name} waits for ${resource}`);
    return `Waiting would last for ever: ${waiting?.join(', ')}. Give back what they wait for, then try again.`;
  },
  extension_refused: () => 'No more time can be given. Save your work now.',
  forbidden: () => 'The session belongs to somebody else. Sign in again.',
  invalid: (r) => invalid(r.issues ?? []).message,
  lock_limit: () => 'This session holds too many locks. Close some records first.',
  locked: (r) => {
    const holder = r.blockers?.[0];
    return holder
      ? `${holder.user.name} is editing ${holder.resource}. Wait, or ask them to finish.`
      : 'Others wait for it already. Wait too, or try again later.';
  },
  maintenance: (r) =>
    `The application is closed for maintenance${r.said ? ` (${r.said})` : ''}. Try again later.`,
  not_found: (r) =>
    r.reason === 'window'
      ? 'There is no maintenance window (any more).'
      : 'There is no such thing here (any more). Look at the list again.',
  not_held: () => 'This lock is not yours any more. Ask for it again.',
  queue_full: () => 'Too many people wait for this record. Try again later.',
  rate_limited: (r) =>
    r.reason === 'blocks'
      ? 'There are too many blocks. Lift some that are not needed any more.'
      : 'Too many orders are open. Cancel some, or wait until they are done.',
  session_ended: (r) =>
    r.ended?.message
      ? `The session has ended: ${r.ended.message}`
      : 'The session has ended. Sign in again to go on.',
  session_limit: (r) =>
    r.reason === 'user'
      ? 'You are signed in as often as is allowed. Sign out somewhere else, then try again.'
      : 'As many people are signed in as is allowed. Try again later, or ask your administrator.',
  takeover_refused: (r) =>
    TAKEOVER_REFUSALS[r.reason ?? ''] ?? 'It cannot be taken over now. Try again later.',
  unavailable: () => 'The session is being restored after a loss of connection. Try again in a moment.',
  version_mismatch: () => 'Somebody else changed this meanwhile. Read it again, then repeat your change.',
  superseded: () => 'The session goes on over another connection.',
};

/** Why a lock is not taken over, for a person. */
const TAKEOVER_REFUSALS: Readonly<Record<string, string>> = {
  admins: 'Only administrators take over locks here. Wait, or ask one.',
  around: 'Others have it as part of a larger lock, or hold parts of it. Take over theirs, or wait.',
  asked: 'Somebody else takes it over already. Wait for it, or try again later.',
  busy: 'Whoever has it is at work. Locks are taken over from idle people only.',
  ended: 'Whoever had it is gone. Wait a moment; it will be free.',
  force: 'Force is for administrators, where the settings say so. Ask for it instead.',
  many: 'Too many people share it to ask them all. Wait, or ask an administrator.',
  never: 'Locks are not taken over here. Wait, or ask an administrator to free it.',
  waiting: 'Nobody has it, and others wait for it. Wait too.',
};

/** Errors after which a client is not to come back by itself. */
const TERMINAL: ReadonlySet<ErrorCode> = new Set(['blocked', 'forbidden', 'session_ended', 'superseded']);

/** The contract's error for what a script refused. */
export function refused(refusal: Refusal): LastcallError {
  const { code, said: _said, state: _state, reason: _reason, ...extras } = refusal;
  const sentence = SENTENCES[code]?.(refusal) ?? 'The request was refused.';
  return new LastcallError(code, sentence, TERMINAL.has(code) ? { terminal: true, ...extras } : extras);
}
