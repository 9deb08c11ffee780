export {
  type Actor,
  type EndReason,
  type ErrorCode,
  LastcallError,
  type Lock,
  type LockEntry,
  type LockHolder,
  type LockMode,
  type LockScope,
  type LockWait,
  type LockWaiter,
  type PublicPolicy,
  type SessionState,
  type UserRef,
  type Welcome,
} from '@lastcall/shared';
export { createClient, LastcallClient } from './client.js';
export type { Clock } from './clock.js';
export type { LockHandle, UpgradeOptions } from './handle.js';
export type { Transport } from './link.js';
export type { LockOptions, LockWish, TakeoverOptions } from './locks.js';
export type { Logger } from './logger.js';
export type { Environment, LastcallOptions } from './options.js';
export type { PageLocks } from './page-locks.js';
export type { InputTarget } from './presence.js';
export type { SaveCause, SaveContext, SaveHandler, SaveOptions, SaveResult } from './saving.js';
export type { SessionClient } from './session-client.js';
export type {
  Ended,
  LockState,
  LockView,
  LostReason,
  LostView,
  RequestedView,
  Snapshot,
  Status,
  WaitingView,
  Warning,
} from './snapshot.js';
export type { ResumeStorage } from './storage.js';
export type { TabChannel } from './tabs.js';
export type { TokenSource } from './token.js';
export type { LockWatch, LockWatcher } from './watches.js';
