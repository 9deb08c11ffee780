import type { Step, StepOf } from './steps.js';

const logoff: StepOf<'order'> = {
  do: 'order',
  admin: 'root',
  includeSelf: true,
  action: 'logoff',
  reason: 'admin',
  target: 'all',
  one: 0,
  other: 0,
  spares: false,
  graceMs: 0,
  holdMs: 0,
  extend: undefined,
  denyMs: 0,
};

/** What the model found in the product once, in the shortest form; each is done again in every run. */
export const FOUND: readonly { readonly title: string; readonly todo: readonly Step[] }[] = [
  {
    title: '[O5] whose time is over is out at the next look, whatever is said at that instant',
    todo: [logoff, { do: 'drop', seat: 0 }, { do: 'tick', ms: 0 }],
  },
  {
    title: '[S8] an order that comes and goes takes back nothing that a gap gave',
    todo: [
      { do: 'silence', ms: 9_000 },
      { ...logoff, graceMs: 2_000 },
      { do: 'silence', ms: 1_001 },
      { do: 'cancel', order: 0, admin: 'root' },
    ],
  },
  {
    title: '[S8] a hold taken at the deadline does not make a lease look as if it had run out',
    todo: [
      { do: 'tick', ms: 1_000 },
      { do: 'tick', ms: 1_000 },
      { ...logoff, includeSelf: false, holdMs: 2_000 },
      { do: 'tick', ms: 1 },
      { do: 'ack', session: 0, order: 0, state: 'saving' },
    ],
  },
];
