import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { LockOptions } from '../locks.js';
import { RecordLock, type RecordView } from '../view/record-lock.js';
import { useLockClient } from './context.js';
import { useLatest } from './latest.js';
import { lingering } from './lingering.js';
import { useSecondsLeft } from './seconds-left.js';
import { sessionIdOf, useSelection } from './selection.js';

type Actions = Pick<RecordLock, 'lock' | 'takeover' | 'cancel' | 'yield' | 'keep' | 'release'>;

export interface RecordLockOptions extends Omit<LockOptions, 'signal'> {
  /** Asks for the lock when the component is mounted, and once in each new session. Default: true; else `lock()` does. */
  readonly auto?: boolean;
}

export interface RecordLockView extends RecordView, Actions {
  /** Seconds until the wait, or the holder's time to answer, is over. */
  readonly secondsLeft: number | undefined;
}

/** What a server knows of a record. */
function unknown(resource: string): RecordView {
  return {
    resource,
    phase: 'unknown',
    holders: [],
    waiters: [],
    handle: undefined,
    waiting: undefined,
    request: undefined,
    lost: undefined,
    error: undefined,
    live: false,
  };
}

function actionsOf(record: RecordLock): Actions {
  return {
    lock: (options) => record.lock(options),
    takeover: (options) => record.takeover(options),
    cancel: () => {
      record.cancel();
    },
    yield: () => record.yield(),
    keep: () => record.keep(),
    release: () => record.release(),
  };
}

/** Lets the component of a record in, and out again: it is locked once in each session, and given back when it has gone. */
function tenancyOf(record: RecordLock) {
  let askedIn: string | undefined;
  const enter = lingering(() => {
    askedIn = undefined;
    void record.release();
  });
  return (sessionId: string | undefined, options: RecordLockOptions): (() => void) => {
    const { auto = true, ...lock } = options;
    if (auto && sessionId !== undefined && askedIn !== sessionId) {
      askedIn = sessionId;
      // Why it was refused is in the view.
      record.lock(lock).catch(() => undefined);
    }
    return enter();
  };
}

/**
 * The lock of one record for the component that edits it: asked for when that is mounted, given back when it goes. The
 * options count when it is asked for; without `waitMs` that is once, and whoever has the record is in `holders`.
 * @throws LastcallError `invalid` without a provider, or with a client without locks
 */
export function useRecordLock(resource: string, options: RecordLockOptions = {}): RecordLockView {
  const client = useLockClient();
  const { record, enter, actions, readFirst } = useMemo(() => {
    const made = new RecordLock(client, resource);
    const first = unknown(resource);
    return { record: made, enter: tenancyOf(made), actions: actionsOf(made), readFirst: () => first };
  }, [client, resource]);
  const latest = useLatest(options);
  const view = useSyncExternalStore(record.subscribe, record.getView, readFirst);
  const { id } = useSelection(sessionIdOf);
  useEffect(() => enter(id, latest.current), [enter, id, latest, options.auto]);
  const secondsLeft = useSecondsLeft(client, (view.waiting ?? view.request)?.requestId);
  return useMemo(() => ({ ...view, ...actions, secondsLeft }), [view, actions, secondsLeft]);
}
