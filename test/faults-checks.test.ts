import { expect } from 'chai';
import { fencesSeen, overlaps } from './faults/checks-locks.js';
import { comebacksOf, mistaken } from './faults/checks-sessions.js';
import type { Evidence } from './faults/evidence.js';
import type { Frozen, Guarded } from './faults/messages.js';
import { NS } from './support/histories/lock-service.js';

const LEASE_MS = 5_000;

const write = (sessionId: string, fence: number, atMs: number): Guarded => ({
  resource: 'invoices/1',
  sessionId,
  fence,
  at: atMs * NS,
  isAccepted: true,
});

/** Policy ended the session that had fence 1. */
const ENDED = { type: 'lock.lost', by: { kind: 'policy' }, fence: 1 };

function evidenceOf(parts: {
  readonly writes?: readonly Guarded[];
  readonly frozen?: readonly Frozen[];
  readonly stopped?: Evidence['stopped'];
  readonly revived?: Evidence['revived'];
}): Evidence {
  const nothing = {
    writes: [],
    ops: [],
    records: [ENDED],
    frozen: [],
    stopped: [],
    comebacks: [],
    revived: [],
  };
  const known = { opened: new Map([['ada-1', 'ada']]), leaseMs: LEASE_MS };
  return { ...nothing, ...known, ...parts } as unknown as Evidence;
}

describe('faults: what is found in what people did', () => {
  const late = [write('ada-1', 1, 1_000), write('grace-1', 2, 7_000), write('ada-1', 1, 8_000)];
  const frozenFor = (ms: number, sessionId = 'ada-1'): readonly Frozen[] => [
    { sessionIds: [sessionId], from: (7_900 - ms) * NS, to: 7_900 * NS },
  ];

  it('[K1] what others decide is heard a moment later, but who was frozen for longer than a lease knows without', () => {
    expect(overlaps(evidenceOf({ writes: late }))).to.deep.equal([]);
    expect(overlaps(evidenceOf({ writes: late, frozen: frozenFor(LEASE_MS - 1) }))).to.deep.equal([]);
    expect(overlaps(evidenceOf({ writes: late, frozen: frozenFor(6_000, 'grace-1') }))).to.deep.equal([]);
    expect(overlaps(evidenceOf({ writes: late, frozen: frozenFor(6_000) }))).to.deep.equal([
      'invoices/1: fence 1 is believed in after 2 wrote',
    ]);
  });

  it('[K1] who wrote in time did so before it was frozen', () => {
    const [first, other] = late as [Guarded, Guarded, Guarded];
    expect(overlaps(evidenceOf({ writes: [first, other], frozen: frozenFor(6_000) }))).to.deep.equal([]);
  });

  it('[K2] a client that gives up for another window was mistaken; for other reasons it may', () => {
    const stopped = [
      { sessionId: 'ada-1', code: 'superseded' },
      { sessionId: 'ada-1', code: 'superseded' },
      { sessionId: 'grace-1', code: 'blocked' },
    ];
    expect(mistaken(evidenceOf({ stopped }))).to.deep.equal([
      'ada (ada-1) gave up for another window, and has none',
    ]);
  });

  it('[S6] a heartbeat that was taken after the end is a return', () => {
    expect(comebacksOf(evidenceOf({}))).to.deep.equal([]);
    expect(comebacksOf(evidenceOf({ revived: ['ada-1'] }))).to.deep.equal([
      'ada-1 had ended, and its heartbeat was taken',
    ]);
  });

  it('[L21] a fence below one that was answered is a fault, but for who was granted before in what is lost', () => {
    const acquired = (session: string, fence: number, at: number) => ({
      type: 'ok',
      op: 'acquire',
      opId: `${session} ${fence}`,
      session,
      key: 'invoices/1',
      fence,
      call: at,
      ret: at + 1,
      value: {},
    });
    const records = [
      { type: 'lock.granted', fence: 20 },
      { type: 'lock.granted', fence: 30 },
    ];
    const found = (...ops: readonly object[]): readonly string[] =>
      fencesSeen({ ops, handOps: [], records } as unknown as Evidence);
    const [other, next] = [acquired('grace-1', 30, 5), acquired('ada-1', 20, 9)];
    expect(found(other, next)).to.deep.equal(['acquire ada-1 20: fence 20 after 30 had been answered']);
    expect(found(acquired('ada-1', 10, 1), other, next)).to.deep.equal([]);
    expect(found(acquired('alan-1', 10, 1), other, next)).to.have.lengthOf(1);
  });
});
