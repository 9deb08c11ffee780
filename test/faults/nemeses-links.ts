import type { Fault, Link } from './link.js';
import { type Nemesis, repeat, type Stage } from './stage.js';

const fronts = ({ world }: Stage): readonly Link[] => [world.front];
const stores = ({ world }: Stage): readonly Link[] => world.nodes.flatMap(({ store }) => store ?? []);

/** Disturbs links for some time, then leaves them alone for a moment. */
function disturb(
  stage: Stage,
  pairs: readonly (readonly [Link, Fault])[],
  share: number,
  ms: number,
): Promise<void> {
  return repeat(async () => {
    for (const [link, fault] of pairs) link.disturb(fault, share);
    await stage.pass(ms);
    for (const [link] of pairs) link.heal();
    return await stage.pass(500);
  });
}

const on = (links: readonly Link[], fault: Fault): readonly (readonly [Link, Fault])[] =>
  links.map((link) => [link, fault]);

/** Harm to what is between clients and brokers, and between brokers and Redis. */
export const LINK_NEMESES: readonly Nemesis[] = [
  {
    id: 'N9',
    name: 'answers that are lost',
    topology: 'redis',
    victim: 'links',
    strike: (stage) => {
      const pairs = [
        ...on(stores(stage), { kind: 'cut-reply', chance: 0.01 }),
        ...on(fronts(stage), { kind: 'cut-reply', chance: 0.01 }),
        ...on([stage.world.api], { kind: 'cut-reply', chance: 0.3 }),
      ] as const;
      return disturb(stage, pairs, 1, 2_000);
    },
  },
  {
    id: 'N10',
    name: 'requests that are cut',
    topology: 'redis',
    victim: 'links',
    strike: (stage) => {
      const pairs = [
        ...on(stores(stage), { kind: 'cut-request', chance: 0.01 }),
        ...on(fronts(stage), { kind: 'cut-request', chance: 0.01 }),
        ...on([stage.world.api], { kind: 'cut-request', chance: 0.2 }),
      ] as const;
      return disturb(stage, pairs, 1, 2_000);
    },
  },
  {
    id: 'N11',
    name: 'half-open connections',
    topology: 'redis',
    victim: 'links',
    cutsOff: true,
    strike: (stage) => disturb(stage, on(fronts(stage), { kind: 'half-open' }), 0.5, 3_000),
  },
  {
    id: 'N12',
    name: 'one way is cut',
    topology: 'redis',
    victim: 'links',
    cutsOff: true,
    strike: (stage) => {
      const way = stage.random.pick(['up', 'down'] as const);
      const links = stage.random.next() < 0.7 ? fronts(stage) : stores(stage).slice(0, 1);
      return disturb(stage, on(links, { kind: 'one-way', way }), 0.5, 2_500);
    },
  },
  {
    id: 'N13',
    name: 'delays of up to 2 s',
    topology: 'redis',
    victim: 'links',
    cutsOff: true,
    strike: (stage) => {
      const pairs = [
        ...on(fronts(stage), { kind: 'delay', mostMs: 2_000 }),
        ...on(stores(stage), { kind: 'delay', mostMs: 300 }),
      ] as const;
      return disturb(stage, pairs, 0.4, 3_000);
    },
  },
  {
    id: 'N14',
    name: '1 KB a second',
    topology: 'redis',
    victim: 'links',
    cutsOff: true,
    strike: (stage) => disturb(stage, on(fronts(stage), { kind: 'drip', bytesPerSecond: 1_000 }), 0.3, 4_000),
  },
  {
    id: 'N20',
    name: 'everybody comes back at once',
    topology: 'redis',
    victim: 'links',
    sparesBrokers: true,
    strike: (stage) =>
      repeat(async () => {
        stage.world.front.cut(1);
        return await stage.pass(stage.random.within(1_000, 2_500));
      }),
  },
  {
    id: 'N21',
    name: 'events twice, and in another order',
    topology: 'redis',
    victim: 'links',
    sparesBrokers: true,
    strike: (stage) => disturb(stage, on(fronts(stage), { kind: 'shuffle', chance: 0.2 }), 1, 4_000),
  },
];
