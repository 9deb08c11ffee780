import fc from 'fast-check';

/** Milliseconds that often meet: deadlines, holds and sweeps fall on the same instant now and then. */
const times = (...values: readonly number[]): fc.Arbitrary<number> => fc.constantFrom(...values);
const anyOf = <const T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const place = fc.noBias(fc.nat({ max: 11 }));
const flag = (oneIn: number): fc.Arbitrary<boolean> =>
  fc.noBias(fc.nat({ max: oneIn - 1 })).map((drawn) => drawn === 1);
const step = <A extends string, R extends object>(weight: number, name: A, more: fc.Arbitrary<R>) => ({
  weight,
  arbitrary: more.map((rest) => ({ do: name, ...rest })),
});
const nothing = fc.constant({});

export const USERS = ['ada', 'grace', 'root', 'ops'] as const;
export const ADMINS = ['root', 'ops'] as const;
const target = anyOf('all', 'user', 'session', 'session', 'role', 'app', 'idle', 'named', 'nobody');

/** What may happen. Sessions, orders and nodes are named by a place, taken modulo what there is. */
export const steps = fc.oneof(
  step(
    6,
    'open',
    fc.record({ user: anyOf(...USERS), app: anyOf('web', 'desk'), node: place, fresh: flag(4) }),
  ),
  step(8, 'beat', fc.record({ seat: place, idleMs: times(0, 0, 500, 2_500), stale: flag(12) })),
  step(7, 'beats', fc.record({ idleMs: times(0, 500, 2_500) })),
  step(2, 'activity', fc.record({ seat: place })),
  step(14, 'tick', fc.record({ ms: times(0, 1, 100, 200, 250, 500, 1_000, 1_000) })),
  step(1, 'silence', fc.record({ ms: times(1_001, 1_500, 3_000, 9_000) })),
  step(3, 'drop', fc.record({ seat: place })),
  step(4, 'resume', fc.record({ session: place, node: place, wrong: flag(10), fresh: flag(3) })),
  step(2, 'tab', fc.record({ seat: place, node: place })),
  step(1, 'abandon', fc.record({ seat: place })),
  step(1, 'signOut', fc.record({ seat: place })),
  step(4, 'report', fc.record({ session: place, socket: place, answered: fc.boolean() })),
  step(1, 'restart', fc.record({ node: place })),
  step(1, 'flush', nothing),
  step(1, 'again', fc.record({ what: anyOf('open', 'order', 'step'), which: place })),
  step(
    7,
    'order',
    fc.record({
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
    fc.record({ session: place, order: place, state: anyOf('seen', 'saving', 'saving', 'saved') }),
  ),
  step(3, 'delivered', fc.record({ order: place })),
  step(5, 'extend', fc.record({ session: place, order: place, ms: times(1, 500, 1_000, 1_500) })),
  step(2, 'cancel', fc.record({ order: place, admin: anyOf(...ADMINS) })),
);

type Made<A> = A extends fc.Arbitrary<infer S> ? S : never;
export type Step = Made<typeof steps>;
export type StepOf<D extends Step['do']> = Extract<Step, { do: D }>;
