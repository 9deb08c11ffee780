import type { Actor, App, Device, Ending, EndReason, Session, SessionState } from '@lastcall/shared';

/** A session as `session_list` answers with it: Redis' strings, and what its lease says. */
export interface StoredSession {
  readonly id: string;
  readonly uid: string;
  readonly name: string;
  readonly roles: string;
  readonly state: string;
  readonly app?: string;
  readonly device?: string;
  readonly address: string;
  readonly node: string;
  readonly openedAt: string;
  readonly beatAt?: string | number;
  readonly lastInputAt: string | number;
  readonly dirty: string;
  readonly view?: string;
  readonly locks: number;
  readonly deadlineAt?: string;
  readonly deadlineOrder?: string;
  readonly endedAt?: string;
  readonly reason?: string;
  readonly by?: string;
  readonly message?: string;
  readonly orderId?: string;
}

function endingOf(stored: StoredSession): Ending | undefined {
  if (stored.endedAt === undefined) return undefined;
  return {
    reason: stored.reason as EndReason,
    by: JSON.parse(stored.by ?? '{"kind":"system"}') as Actor,
    ...(stored.message ? { message: stored.message } : {}),
    endedAt: Number(stored.endedAt),
    ...(stored.orderId ? { orderId: stored.orderId } : {}),
  };
}

/** A session as administrators see it. A session without a lease was last heard of when it was opened or lost it. */
export function sessionOf(stored: StoredSession): Session {
  const ended = endingOf(stored);
  const warned = ended === undefined && stored.deadlineOrder;
  return {
    id: stored.id,
    state: stored.state as SessionState,
    user: { id: stored.uid, name: stored.name, roles: JSON.parse(stored.roles) as string[] },
    ...(stored.app ? { app: JSON.parse(stored.app) as App } : {}),
    ...(stored.device ? { device: JSON.parse(stored.device) as Device } : {}),
    address: stored.address,
    node: stored.node,
    openedAt: Number(stored.openedAt),
    lastBeatAt: Number(stored.beatAt ?? stored.lastInputAt),
    lastInputAt: Number(stored.lastInputAt),
    dirty: stored.dirty === '1',
    ...(stored.view ? { view: stored.view } : {}),
    locks: stored.locks,
    ...(warned ? { warned: { orderId: warned, deadlineAt: Number(stored.deadlineAt) } } : {}),
    ...(ended ? { ended } : {}),
  };
}
