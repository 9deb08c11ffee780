import { limitOf, openDescriptors, setLimit } from './limits.js';
import { freeze, freezeOften, type Nemesis, repeat, type Stage } from './stage.js';

/** Descriptors that are left to a process that runs out of them. */
const FEW = 4;
/** Longer than a lease, and than it takes until somebody else has the locks and writes. */
const LONG_MS = 7_000;

const node = ({ world, random }: Stage) => random.pick(world.nodes);

/** Harm to brokers and clients. */
export const PROCESS_NEMESES: readonly Nemesis[] = [
  {
    id: 'N1',
    name: 'kill -9 of a broker',
    topology: 'redis',
    victim: 'brokers',
    strike: (stage) =>
      repeat(async () => {
        const victim = node(stage);
        await victim.kill();
        await stage.pass(stage.random.within(300, 1_500));
        await victim.start();
        return await stage.pass(stage.random.within(500, 1_500));
      }),
  },
  {
    id: 'N2',
    name: 'a frozen broker',
    topology: 'redis',
    victim: 'brokers',
    cutsOff: true,
    strike: (stage) =>
      repeat(() => freeze(stage, [node(stage).broker], stage.random.within(1_500, 4_000), 1_000)),
  },
  {
    id: 'N15',
    name: 'frozen clients',
    topology: 'redis',
    victim: 'clients',
    cutsOff: true,
    strike: (stage) => freezeOften(stage, () => [stage.random.pick(stage.people)], LONG_MS, [2_000, LONG_MS]),
  },
  {
    id: 'N22',
    name: 'brokers told to stop, one after the other',
    topology: 'redis',
    victim: 'brokers',
    strike: (stage) =>
      repeat(async () => {
        let goesOn = true;
        for (const one of stage.world.nodes) {
          if (goesOn) await one.restart();
          goesOn = await stage.pass(500);
        }
        return goesOn;
      }),
  },
  {
    id: 'N24',
    name: 'no descriptors left',
    topology: 'redis',
    victim: 'brokers',
    impossible: () => (limitOf(process.pid, 'nofile') === undefined ? 'prlimit is not installed' : undefined),
    strike: (stage) =>
      repeat(async () => {
        const pids = [node(stage).broker.pid, ...(stage.world.redis ? [stage.world.redis.pid] : [])];
        const pid = stage.random.pick(pids);
        const before = limitOf(pid, 'nofile') ?? '';
        setLimit(pid, 'nofile', FEW + openDescriptors(pid));
        // New connections are wanted while there can be none.
        stage.world.front.cut(0.3);
        await stage.pass(2_000);
        setLimit(pid, 'nofile', before);
        return await stage.pass(1_000);
      }),
  },
];
