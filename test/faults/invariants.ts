import { exclusion, fences } from '../support/histories/checks.js';
import { linear } from '../support/histories/linear.js';
import { deadOf, fencesSeen, guarded, overlaps, queueOf, waiting } from './checks-locks.js';
import { cancels, denials, effects, open } from './checks-orders.js';
import { comebacksOf, disagreements, earlyEnds, endsOf, mistaken, withoutReason } from './checks-sessions.js';
import { gapsOf, leftovers, lostOf, secretsIn } from './checks-store.js';
import type { Evidence } from './evidence.js';
import { bends, historyOf, loses, whole } from './facts.js';

/** One statement that holds of every run (I1 to I20), and what finds where it does not: one line each. */
export interface Invariant {
  readonly id: string;
  readonly says: string;
  readonly check: (evidence: Evidence) => readonly string[];
}

export const INVARIANTS: readonly Invariant[] = [
  {
    id: 'I1',
    says: 'no two holders of one lock, in the trail and as clients see it',
    check: (evidence) => [
      ...exclusion(historyOf(evidence, [])),
      ...(whole(evidence) ? overlaps(evidence) : []),
    ],
  },
  {
    id: 'I2',
    says: 'fences increase with every grant, none is given twice, whatever is lost',
    check: (evidence) => [...fences(historyOf(evidence, [])), ...fencesSeen(evidence)],
  },
  {
    id: 'I3',
    says: 'who guards a resource took no write under a lower fence',
    check: ({ writes }) => guarded(writes),
  },
  {
    id: 'I4',
    says: 'one end per session, one record per end, in the store as in the trail',
    check: (evidence) => endsOf(evidence),
  },
  {
    id: 'I5',
    says: 'every warned session comes to one final state',
    check: (evidence) => [
      ...open(evidence),
      ...(evidence.historyFault === undefined || loses(evidence) || bends(evidence)
        ? []
        : [evidence.historyFault]),
    ],
  },
  { id: 'I6', says: 'nobody is logged off before the deadline, or without an order', check: earlyEnds },
  {
    id: 'I7',
    says: 'nothing crosses tenants',
    check: ({ foreign }) =>
      foreign
        .filter(({ text, canary }) => text.includes(canary))
        .map(({ what, canary }) => `${what} has ${canary}`),
  },
  { id: 'I8', says: 'who has ended never comes back', check: comebacksOf },
  {
    id: 'I9',
    says: 'a request has one effect, however often it is sent',
    check: (evidence) => [
      ...effects(evidence),
      ...(whole(evidence) ? linear(historyOf(evidence, evidence.handOps)) : []),
    ],
  },
  {
    id: 'I10',
    says: 'the chain of the archive holds, records have no gap',
    check: ({ verdict, records }) => [
      ...(verdict.ok ? [] : [`the archive: ${JSON.stringify(verdict.fault)}`]),
      ...gapsOf(records),
    ],
  },
  {
    id: 'I11',
    says: 'of cancel and logoff one wins, and the giver is told which',
    check: (evidence) => (loses(evidence) ? [] : cancels(evidence)),
  },
  {
    id: 'I12',
    says: 'a free lock with a waiter is granted, in turn',
    check: (evidence) => [...waiting(evidence), ...queueOf(evidence)],
  },
  {
    id: 'I13',
    says: 'nothing is held, awaited or leased by who is gone',
    check: (evidence) => deadOf(evidence),
  },
  {
    id: 'I14',
    says: 'what was acknowledged is there',
    check: (evidence) => (loses(evidence) ? [] : lostOf(evidence)),
  },
  {
    id: 'I15',
    says: 'no broker ends by itself, no error is left uncaught',
    check: ({ breakdowns }) => breakdowns,
  },
  { id: 'I16', says: 'nobody loses the session for what the store or a broker did', check: withoutReason },
  { id: 'I17', says: 'descriptors and keys return to what they were', check: leftovers },
  { id: 'I18', says: 'who may not, achieves nothing', check: denials },
  {
    id: 'I19',
    says: 'clients believe what the store says, once all is quiet, and none gives up by mistake',
    check: (evidence) => [...disagreements(evidence), ...mistaken(evidence)],
  },
  { id: 'I20', says: 'no token and no key is in a log, an address or a record', check: secretsIn },
];
