import { expect } from 'chai';
import { BEAT_SLOTS, BeatLoop } from 'lastcall/internal/beat.js';
import { Load } from 'lastcall/internal/load.js';
import { Random } from './support/random.js';

const TURN_MS = 100;
const TENANT = 'acme';

/** A beat loop whose time the test makes, with a member in each slot. */
function loop(pace: { beatMs: number; leaseMs: number }) {
  const load = new Load();
  const asked = new Map<number, number[]>();
  let now = 0;
  const beats = new BeatLoop({
    ask: (_tenant, slot) => void asked.set(slot, [...(asked.get(slot) ?? []), now]),
    tick: () => undefined,
    load,
  });
  for (let n = 0; n < BEAT_SLOTS; n += 1) beats.join(TENANT, pace);
  return {
    beats,
    load,
    /** Lets time pass, in turns of about 100 ms. */
    run: (ms: number, eachTurn: (at: number) => number = () => TURN_MS): void => {
      for (const until = now + ms; now < until; ) {
        now += eachTurn(now);
        beats.turn(now);
      }
    },
    /** The times between two questions to the same slot. */
    intervals: (): number[] =>
      [...asked.values()].flatMap((times) => times.slice(1).map((at, i) => at - (times[i] ?? 0))),
    slots: (): number => asked.size,
    forget: (): void => asked.clear(),
  };
}

describe('the beat loop', () => {
  it('[S15] [N7] asks every slot once in beatMs while there is nothing to fear', () => {
    const { run, intervals, slots } = loop({ beatMs: 2_000, leaseMs: 9_000 });
    run(60_000);
    expect(slots()).to.equal(BEAT_SLOTS);
    for (const interval of intervals()) expect(interval).to.be.within(2_000 - TURN_MS, 2_000 + TURN_MS);
  });

  it('[N7] stretches beats under strain up to a third of the lease, and comes back from it', () => {
    const { load, run, intervals, forget } = loop({ beatMs: 2_000, leaseMs: 7_500 });
    const strained = (at: number): number => {
      load.note(10_000, at);
      return TURN_MS;
    };
    run(10_000, strained);
    forget();
    run(30_000, strained);
    for (const interval of intervals()) expect(interval).to.be.within(2_500 - TURN_MS, 2_500 + TURN_MS);
    run(20_000);
    forget();
    run(30_000);
    for (const interval of intervals()) expect(interval).to.be.within(2_000 - TURN_MS, 2_000 + TURN_MS);
  });

  const random = new Random();
  it(`[N7] keeps to that bound whatever the strain does, and asks each in its turn (seed ${random.seed})`, () => {
    const { load, run, intervals, slots } = loop({ beatMs: 1_000, leaseMs: 12_000 });
    run(300_000, (at) => {
      if (random.next() < 0.1) load.note(random.within(0, 5_000), at);
      return TURN_MS;
    });
    expect(slots()).to.equal(BEAT_SLOTS);
    // Two beats missed are 2 s of silence.
    for (const interval of intervals()) expect(interval).to.be.within(1_000 - TURN_MS, 1_500 + TURN_MS);
  });

  it('[S15] asks once, not once for each beat that was missed, after a stall', () => {
    const { run, intervals, forget } = loop({ beatMs: 1_000, leaseMs: 3_000 });
    run(5_000);
    forget();
    run(30_000, (at) => (at === 5_000 ? 20_000 : TURN_MS));
    const long = intervals().filter((interval) => interval > 1_000 + TURN_MS);
    expect(long).to.deep.equal([]);
  });

  it('[N7] leaves a beat alone that is a third of the lease already', () => {
    const { load, run, intervals } = loop({ beatMs: 1_000, leaseMs: 3_000 });
    run(20_000, (at) => {
      load.note(10_000, at);
      return TURN_MS;
    });
    for (const interval of intervals()) expect(interval).to.be.within(1_000 - TURN_MS, 1_000 + TURN_MS);
  });
});

describe('the load of a node', () => {
  it('[N7] is felt above 50 ms of lateness, full at 250 ms, and soon forgotten', () => {
    const load = new Load();
    load.note(50, 1_000);
    expect(load.strain(1_000)).to.equal(0);
    load.note(150, 1_000);
    expect(load.strain(1_000)).to.equal(0.5);
    load.note(9_000, 1_000);
    load.note(1, 1_001);
    expect(load.strain(1_001), 'less lateness does not make it less').to.equal(1);
    expect(load.strain(20_000)).to.equal(0);
  });
});
