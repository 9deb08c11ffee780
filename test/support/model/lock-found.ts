import type { LockSettings } from './held.js';
import type { AnyStep, LockScript, LockStepOf } from './lock-steps.js';

type Wish = LockStepOf<'acquire'>['want'];

/** The first three sessions are there from the beginning; each of these waits for eight seconds, if it has to. */
const acquire = (session: number, resource: Wish['resource'], wish: Partial<Wish> = {}): AnyStep => ({
  do: 'acquire',
  session,
  want: { resource, mode: 'exclusive', scope: 'record', ...wish },
  waitMs: 8_000,
});

const open = (user: 'ops'): AnyStep => ({ do: 'open', user, app: 'web', node: 0, fresh: true });

const SHARED = { mode: 'shared' } as const;
const settings: LockSettings = {
  lockTakeover: 'ask',
  takeoverMs: 1_000,
  lockIdleMs: 0,
  lockDelayMs: 0,
  maxLocksPerSession: 8,
  maxWaitersPerResource: 8,
};

const found: readonly { readonly title: string; readonly todo: readonly AnyStep[] }[] = [
  {
    title: '[L20] a circle through what the one who asks waits for elsewhere is one',
    todo: [acquire(0, 'a/2'), acquire(1, 'a', { scope: 'tree' }), acquire(2, 'a/1'), acquire(1, 'a/1')],
  },
  {
    title: '[L16] [L20] a circle through what whoever upgrades waits for elsewhere is one',
    todo: [
      acquire(0, 'a', SHARED),
      acquire(1, 'a', SHARED),
      acquire(2, 'b'),
      open('ops'),
      { do: 'takeover', session: 3, resource: 'a', force: false, mayForce: false },
      acquire(2, 'a', SHARED),
      acquire(0, 'b'),
      { do: 'upgrade', session: 0, which: 0, waitMs: 8_000, wrong: false },
    ],
  },
  {
    title: '[L9] those behind an abandoned socket are passed on to',
    todo: [
      acquire(0, 'a', SHARED),
      acquire(1, 'a'),
      acquire(2, 'a', SHARED),
      { do: 'abandon', seat: 1 },
      { do: 'tick', ms: 500 },
    ],
  },
  {
    title: '[L26] who upgrades and takes over has both when the others are gone',
    todo: [
      acquire(0, 'a', SHARED),
      acquire(1, 'a', SHARED),
      { do: 'upgrade', session: 0, which: 0, waitMs: 8_000, wrong: false },
      { do: 'takeover', session: 0, resource: 'a', force: false, mayForce: false },
      { do: 'release', session: 1, which: 0, wrong: false },
    ],
  },
  {
    title: '[L26] who waits to write may read when the others before it are gone',
    todo: [
      acquire(0, 'a', SHARED),
      acquire(1, 'a'),
      acquire(2, 'a'),
      acquire(2, 'a', SHARED),
      { do: 'cancel', session: 1, which: 0 },
    ],
  },
  {
    title: '[L26] [L15] who waits to write may not read past somebody who came back',
    todo: [
      acquire(0, 'a', SHARED),
      { do: 'upgrade', session: 0, which: 0, waitMs: 8_000, wrong: false },
      acquire(1, 'a'),
      acquire(2, 'a'),
      { do: 'drop', seat: 2 },
      acquire(1, 'a', SHARED),
      { do: 'resume', session: 0, node: 0, wrong: false, fresh: true },
      // The upgrade is given back: readers could have it now.
      { do: 'cancel', session: 0, which: 0 },
    ],
  },
  {
    title: '[L18] one of two who yields is not enough',
    todo: [
      acquire(0, 'a', SHARED),
      acquire(1, 'a', SHARED),
      { do: 'takeover', session: 2, resource: 'a', force: false, mayForce: false },
      { do: 'answer', holder: 0, which: 0, says: 'yield' },
    ],
  },
  {
    title: '[L18] who came to hold it while whoever takes over was away loses nothing',
    todo: [
      acquire(0, 'a', SHARED),
      { do: 'takeover', session: 2, resource: 'a', force: false, mayForce: false },
      { do: 'drop', seat: 2 },
      acquire(1, 'a', SHARED),
      { do: 'resume', session: 0, node: 0, wrong: false, fresh: true },
      { do: 'tick', ms: 1_000 },
    ],
  },
  {
    title: '[L16] [L20] an upgrade that those would wait for who have to let it pass closes a circle',
    todo: [
      acquire(0, 'a', { ...SHARED, scope: 'tree' }),
      acquire(1, 'a/1', SHARED),
      { do: 'takeover', session: 2, resource: 'a', force: false, mayForce: false },
      acquire(1, 'a', SHARED),
      { do: 'upgrade', session: 0, which: 0, waitMs: 8_000, wrong: false },
    ],
  },
];

/** What the model found in the product once, and what chance seldom brings about; each is done in every run. */
export const LOCK_FOUND: readonly { readonly title: string; readonly script: LockScript }[] = found.map(
  ({ title, todo }) => ({ title, script: { settings, todo } }),
);
