import fc from 'fast-check';
import { anyOf, flag, manyOf, place, recordOf, step, times } from './arbitraries.js';

export const USERS = ['ada', 'grace', 'root', 'ops'] as const;
export const ADMINS = ['root', 'ops'] as const;
const target = anyOf('all', 'user', 'session', 'session', 'role', 'app', 'idle', 'named', 'nobody');

/** What may happen. Sessions, orders and nodes are named by a place, taken modulo what there is. */
const steps = fc.oneof(
  step(
    6,
    'open',
    recordOf({ user: anyOf(...USERS), app: anyOf('web', 'desk'), node: place, fresh: flag(4) }),
  ),
  step(8, 'beat', recordOf({ seat: place, idleMs: times(0, 0, 500, 2_500), stale: flag(12) })),
  step(7, 'beats', recordOf({ idleMs: times(0, 500, 2_500) })),
  step(2, 'activity', recordOf({ seat: place })),
  step(14, 'tick', recordOf({ ms: times(0, 1, 100, 200, 250, 500, 1_000, 1_000) })),
  step(1, 'silence', recordOf({ ms: times(1_001, 1_500, 3_000, 9_000) })),
  step(3, 'drop', recordOf({ seat: place })),
  step(4, 'resume', recordOf({ session: place, node: place, wrong: flag(10), fresh: flag(3) })),
  step(2, 'tab', recordOf({ seat: place, node: place })),
  step(1, 'abandon', recordOf({ seat: place })),
  step(1, 'signOut', recordOf({ seat: place })),
  step(4, 'report', recordOf({ session: place, socket: place, answered: fc.boolean() })),
  step(1, 'restart', recordOf({ node: place })),
  step(1, 'flush', fc.constant({})),
  step(1, 'again', recordOf({ what: anyOf('open', 'order', 'step'), which: place })),
  step(
    7,
    'order',
    recordOf({
      admin: anyOf(...ADMINS),
      includeSelf: flag(3),
      action: anyOf('logoff', 'logoff', 'logoff', 'warn'),
      reason: anyOf('admin', 'admin', 'maintenance', 'security'),
      target,
      one: place,
      other: place,
      spares: flag(5),
      graceMs: times(0, 500, 1_000, 2_000, 4_000),
      holdMs: times(0, 500, 2_000),
      extend: anyOf(undefined, { maxCount: 2, maxTotalMs: 2_000 }, { maxCount: 1, maxTotalMs: 3_000 }),
      denyMs: times(0, 0, 500, 3_000, 12_000),
    }),
  ),
  step(
    13,
    'ack',
    recordOf({ session: place, order: place, state: anyOf('seen', 'saving', 'saving', 'saved') }),
  ),
  step(3, 'delivered', recordOf({ order: place })),
  step(5, 'extend', recordOf({ session: place, order: place, ms: times(1, 500, 1_000, 1_500) })),
  step(2, 'cancel', recordOf({ order: place, admin: anyOf(...ADMINS) })),
);

type Made<A> = A extends fc.Arbitrary<infer S> ? S : never;
export type Step = Made<typeof steps>;
export type StepOf<D extends Step['do']> = Extract<Step, { do: D }>;

/** A world of sessions and orders. */
export const orderWorlds: fc.Arbitrary<readonly Step[]> = manyOf(steps);
