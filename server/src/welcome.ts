import type { LockRequestedPush, Policy, Welcome } from '@lastcall/shared';
import { type Attachment, noteOrder } from './attachments.js';
import type { StoreClock } from './clock.js';
import { lockOf, type StoredLock } from './lock-view.js';
import { policyOf, publicPolicy } from './policy.js';
import { listOf } from './redis/store.js';
import { type StoredWarning, warningOf } from './warning.js';

type Empty = Record<string, never>;

/** What somebody asks a holder for, until when it has time to answer. */
export type AskedOf = Omit<LockRequestedPush, 'deadlineMs'> & { readonly deadlineAt: number };

/** What the scripts know of a session at its (re)connection. */
export interface StoredWelcome {
  readonly now: number;
  readonly rev: number;
  readonly epoch: number;
  readonly attach: number;
  readonly leaseMs: number;
  readonly beatMs: number;
  readonly policy: Record<string, string>;
  readonly orders: readonly StoredWarning[] | Empty;
  readonly locks: readonly StoredLock[] | Empty;
  readonly waiting: Welcome['waiting'] | Empty;
  readonly asked: readonly AskedOf[] | Empty;
  readonly facts: { readonly idle: boolean; readonly dirty: boolean; readonly view: string };
}

/** The whole truth for a client; on the way the attachment learns what the registry knows. */
export function welcomeOf(
  stored: StoredWelcome,
  attachment: Attachment,
  resumed: boolean,
  clock: StoreClock,
): Welcome {
  clock.observe(stored.now);
  const policy: Policy = policyOf(stored.policy);
  attachment.attach = stored.attach;
  attachment.epoch = stored.epoch;
  attachment.rev = stored.rev;
  attachment.idle = stored.facts.idle;
  attachment.dirty = stored.facts.dirty;
  attachment.view = stored.facts.view;
  attachment.idleAfterMs = policy.idleAfterMs;
  const orders = listOf(stored.orders).map((order) => warningOf(order, clock));
  attachment.endsAt.clear();
  for (const { orderId, deadlineAt } of listOf(stored.orders)) noteOrder(attachment, orderId, deadlineAt);
  attachment.idleOrder = orders.find(({ reason }) => reason === 'idle')?.orderId;
  const { user } = attachment.identity;
  return {
    sessionId: attachment.sessionId,
    resumeKey: attachment.resumeKey,
    resumed,
    tenant: attachment.tenant,
    user: { id: user.id, name: user.name, roles: user.roles },
    leaseMs: stored.leaseMs,
    beatMs: stored.beatMs,
    policy: publicPolicy(policy),
    orders,
    locks: listOf(stored.locks).map(lockOf),
    waiting: listOf(stored.waiting),
  };
}
