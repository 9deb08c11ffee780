import fc from 'fast-check';
import { anyOf, flag, manyOf, place, recordOf, step, times } from './arbitraries.js';
import type { LockSettings } from './held.js';
import type { Step as SessionStep } from './steps.js';

/** Few, so that they meet: two trees, one of them two deep. */
export const RESOURCES = ['a', 'a/1', 'a/1/x', 'a/2', 'b', 'b/1'] as const;

const want = recordOf({
  resource: anyOf(...RESOURCES),
  mode: anyOf('exclusive', 'exclusive', 'shared', 'shared'),
  scope: anyOf('record', 'record', 'record', 'tree'),
});
const waitMs = anyOf(0, 500, 2_000, 8_000, 8_000, 8_000);

const lockSteps = fc.oneof(
  step(30, 'acquire', recordOf({ session: place, want, waitMs })),
  step(4, 'acquireMany', recordOf({ session: place, wants: fc.array(want, { minLength: 1, maxLength: 3 }) })),
  step(12, 'release', recordOf({ session: place, which: place, wrong: flag(8) })),
  step(3, 'cancel', recordOf({ session: place, which: place })),
  step(8, 'upgrade', recordOf({ session: place, which: place, waitMs, wrong: flag(10) })),
  step(
    8,
    'takeover',
    recordOf({ session: place, resource: anyOf(...RESOURCES), force: flag(3), mayForce: flag(2) }),
  ),
  step(6, 'answer', recordOf({ holder: place, which: place, says: anyOf('yield', 'yield', 'keep') })),
  step(3, 'repeat', recordOf({ which: place, late: flag(3) })),
  step(2, 'check', recordOf({ which: place, resource: anyOf(...RESOURCES) })),
  step(1, 'break', recordOf({ resource: anyOf(...RESOURCES) })),
);

const sessionStep = <S extends SessionStep>(weight: number, arbitrary: fc.Arbitrary<S>) => ({
  weight,
  arbitrary,
});
const sessionSteps = fc.oneof(
  sessionStep(
    3,
    recordOf({
      do: anyOf('open'),
      user: anyOf('ada', 'grace', 'root', 'ops'),
      app: anyOf('web'),
      node: place,
      fresh: anyOf(true),
    }),
  ),
  sessionStep(16, recordOf({ do: anyOf('beats'), idleMs: times(0, 0, 500, 2_500) })),
  sessionStep(4, recordOf({ do: anyOf('beat'), seat: place, idleMs: times(0, 1_600), stale: anyOf(false) })),
  sessionStep(12, recordOf({ do: anyOf('tick'), ms: times(1, 200, 500, 500, 1_000) })),
  sessionStep(1, recordOf({ do: anyOf('silence'), ms: times(1_001, 4_000) })),
  sessionStep(4, recordOf({ do: anyOf('drop'), seat: place })),
  sessionStep(
    6,
    recordOf({ do: anyOf('resume'), session: place, node: place, wrong: anyOf(false), fresh: anyOf(true) }),
  ),
  sessionStep(1, recordOf({ do: anyOf('abandon'), seat: place })),
  sessionStep(1, recordOf({ do: anyOf('signOut'), seat: place })),
  sessionStep(1, recordOf({ do: anyOf('activity'), seat: place })),
  sessionStep(2, recordOf({ do: anyOf('report'), session: place, socket: place, answered: anyOf(true) })),
);

/** What may happen to locks, and to the sessions that hold them. */
const steps = fc.oneof({ weight: 3, arbitrary: lockSteps }, { weight: 2, arbitrary: sessionSteps });

type Made<A> = A extends fc.Arbitrary<infer S> ? S : never;
export type LockStep = Made<typeof lockSteps>;
export type LockStepOf<D extends LockStep['do']> = Extract<LockStep, { do: D }>;
export type AnyStep = Made<typeof steps>;

/** The policies under which worlds live. */
const SETTINGS = (['ask', 'admin', 'idle', 'ask', 'never'] as const).map(
  (lockTakeover, i): LockSettings => ({
    lockTakeover,
    takeoverMs: 1_000,
    lockIdleMs: i === 3 ? 0 : 1_500,
    lockDelayMs: i % 2 === 0 ? 0 : 1_500,
    maxLocksPerSession: i === 1 ? 3 : 8,
    maxWaitersPerResource: i === 1 ? 2 : 8,
  }),
);

export interface LockScript {
  readonly settings: LockSettings;
  readonly todo: readonly AnyStep[];
}

/** A world of locks: its policy, and what happens there. */
export const lockWorlds: fc.Arbitrary<LockScript> = recordOf({
  settings: fc.constantFrom(...SETTINGS),
  todo: manyOf(steps),
});
