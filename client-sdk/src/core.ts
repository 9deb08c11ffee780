import { type LastcallOptions, settingsOf } from './options.js';
import { Session } from './session.js';
import { SessionClient } from './session-client.js';

export {
  type Actor,
  type EndReason,
  type ErrorCode,
  LastcallError,
  type PublicPolicy,
  type SessionState,
  type UserRef,
  type Welcome,
} from '@lastcall/shared';
export type { Clock } from './clock.js';
export type { Transport } from './link.js';
export type { Logger } from './logger.js';
export type { Environment, LastcallOptions } from './options.js';
export type { PageLocks } from './page-locks.js';
export type { InputTarget } from './presence.js';
export type { SaveCause, SaveContext, SaveHandler, SaveOptions, SaveResult } from './saving.js';
export { SessionClient } from './session-client.js';
export type { Ended, Snapshot, Status, Warning } from './snapshot.js';
export type { ResumeStorage } from './storage.js';
export type { TabChannel } from './tabs.js';
export type { TokenSource } from './token.js';

/** Makes a client without locks; `connect()` opens its session. */
export function createClient(options: LastcallOptions): SessionClient {
  return new SessionClient(new Session(settingsOf(options)));
}
