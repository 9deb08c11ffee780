import { type Mutant, ORDER_MUTANTS } from '../model/mutants.js';

/** Mistakes in scripts of orders that the simulator has to notice, too. */
const OF_ORDERS = new Set([
  'an end is recorded twice',
  'an ended session is resumed',
  'a gap gives nothing',
  'more time is told and not given',
  'an order is done before all is proved',
]);

/** Mistakes in the product that only people, brokers and faults together bring to light. */
export const SIMULATOR_MUTANTS: readonly Mutant[] = [
  {
    what: 'a fence is given out twice',
    from: 'last_fence = math.max(last_fence + 1, US)',
    to: 'last_fence = math.max(last_fence, US - US % 1000000)',
  },
  {
    what: 'whoever asks has the lock',
    from: '  if not older then return answer(',
    to: '  if true then return answer(',
  },
  {
    what: 'a held lock is granted again',
    from: 'local is_held = is_held_against(want, sid)\nif not is_held then',
    to: 'local is_held = false\nif not is_held then',
  },
  {
    what: 'who waits is passed by who asks later, in other queues',
    from: 'or older_against(want, sid, ticket, elsewhere) or',
    to: 'or',
  },
  {
    what: 'who waits is forgotten',
    from: '})\nunblock(resource, lock.scope)\nreturn answer({ released = true })',
    to: '})\nreturn answer({ released = true })',
  },
  {
    what: 'a request that is over is granted anew',
    from: "  if outcome then\n    return nil, 'conflict', { outcome = outcome }",
    to: "  if false then\n    return nil, 'conflict', { outcome = outcome }",
  },
  {
    what: 'a release is not recorded',
    from: "record('lock.released', { kind = 'user', id = s.uid, name = s.name }, {",
    to: "local _ = type({ kind = 'user' }, {",
  },
  {
    what: 'locks outlive their session',
    from: "for _, resource in ipairs(call('HKEYS', P .. 'held:' .. s.id)) do\n    local lock = delay_ms",
    to: 'for _, resource in ipairs({}) do\n    local lock = delay_ms',
  },
  {
    what: 'a lease is half as long as its client is told',
    from: 'digits(NOW + lease_ms)',
    to: 'digits(NOW + lease_ms / 2)',
  },
  {
    what: 'records are not published',
    from: "call('SPUBLISH', P .. 'log', '[' .. table.concat(notices, ',') .. ']')",
    to: "call('EXISTS', P .. 'log')",
  },
  {
    what: 'of the records of a script the last alone is published',
    from: "call('SPUBLISH', P .. 'log', '[' .. table.concat(notices, ',') .. ']')",
    to: "call('SPUBLISH', P .. 'log', '[' .. notices[#notices] .. ']')",
  },
  ...ORDER_MUTANTS.filter(({ what }) => OF_ORDERS.has(what)),
];
