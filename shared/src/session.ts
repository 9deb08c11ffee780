import type { Actor, User } from './identity.js';

/** Session states (PROTOCOL section 1). */
export const SESSION_STATES = ['active', 'idle', 'warned', 'saving', 'disconnected', 'ended'] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** Why a session ended. */
export const END_REASONS = [
  'user',
  'idle',
  'max_age',
  'admin',
  'maintenance',
  'security',
  'unresponsive',
  'replaced',
  'token_expired',
  'revoked',
] as const;
export type EndReason = (typeof END_REASONS)[number];

/**
 * Which state may follow which. Total: a new state does not compile until it has its row and its column.
 * The state of a live session is derived from facts (socket, hold, deadline, input), so that any of them may
 * change at once; only `ended` is final.
 */
export const SESSION_TRANSITIONS: Readonly<Record<SessionState, Readonly<Record<SessionState, boolean>>>> = {
  active: { active: false, idle: true, warned: true, saving: true, disconnected: true, ended: true },
  idle: { active: true, idle: false, warned: true, saving: true, disconnected: true, ended: true },
  warned: { active: true, idle: true, warned: false, saving: true, disconnected: true, ended: true },
  saving: { active: true, idle: true, warned: true, saving: false, disconnected: true, ended: true },
  disconnected: { active: true, idle: true, warned: true, saving: true, disconnected: false, ended: true },
  ended: { active: false, idle: false, warned: false, saving: false, disconnected: false, ended: false },
};

/** The facts a live session's state is derived from. */
export interface SessionFacts {
  readonly ended: boolean;
  readonly connected: boolean;
  readonly saving: boolean;
  readonly warned: boolean;
  readonly idle: boolean;
}

/** The state of a session with these facts. `_lib.lua` holds the same order; a test compares both over all facts. */
export function sessionState(facts: SessionFacts): SessionState {
  if (facts.ended) return 'ended';
  if (!facts.connected) return 'disconnected';
  if (facts.saving) return 'saving';
  if (facts.warned) return 'warned';
  return facts.idle ? 'idle' : 'active';
}

/** The application a session runs in. */
export interface App {
  readonly name: string;
  readonly version?: string;
}

/** The device a session runs on, as the client describes it. */
export interface Device {
  readonly label?: string;
  readonly kind?: string;
}

/** How a session ended. */
export interface Ending {
  readonly reason: EndReason;
  readonly by: Actor;
  readonly message?: string;
  readonly endedAt: number;
  readonly orderId?: string;
}

/** A session as administrators see it. Instants are epoch milliseconds on Redis' clock; `locks` counts locks held. */
export interface Session {
  readonly id: string;
  readonly state: SessionState;
  readonly user: User;
  readonly app?: App;
  readonly device?: Device;
  readonly address: string;
  readonly node: string;
  readonly openedAt: number;
  readonly lastBeatAt: number;
  readonly lastInputAt: number;
  readonly dirty: boolean;
  readonly view?: string;
  readonly locks: number;
  readonly warned?: { readonly orderId: string; readonly deadlineAt: number };
  readonly ended?: Ending;
}
