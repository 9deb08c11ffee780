import { parseArgs } from 'node:util';
import type { Mutant } from '../model/mutants.js';
import { replacePlatform } from './platform.js';

/**
 * A process of virtual time, which lives through so many seeds and prints a line of JSON for each:
 * `node main.js --seed 1 --count 10 [--chaos MS] [--rest MS] [--mutant NAME] [--until-found]`.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '1' },
    chaos: { type: 'string', default: '30000' },
    rest: { type: 'string', default: '30000' },
    mutant: { type: 'string' },
    'until-found': { type: 'boolean', default: false },
  },
});
const platform = replacePlatform();
// Only now: whatever is loaded from here on takes time, chance and the network from the simulator.
const { Engine } = await import('./store.js');
const { World } = await import('./world.js');
const { SIMULATOR_MUTANTS } = await import('./mutants.js');

/** Puts a mistake into the product's scripts as they are read. */
function breaks({ from, to, what }: Mutant): void {
  let isIn = false;
  platform.rewrite = (text) => {
    isIn ||= text.includes(from);
    return text.replace(from, () => to);
  };
  process.on('exit', () => {
    if (!isIn) process.stderr.write(`no script has the text that is to become wrong: ${what}\n`);
  });
}

const mutant = SIMULATOR_MUTANTS.find(({ what }) => what === values.mutant);
if (values.mutant !== undefined && !mutant) throw new Error(`there is no such mutant: ${values.mutant}`);
if (mutant) breaks(mutant);

// Whatever nobody caught would have ended the process.
const uncaught: string[] = [];
const note = (error: unknown): void => {
  uncaught.push(
    `I15 nobody caught ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
};
process.on('uncaughtException', note);
process.on('unhandledRejection', note);

const engine = await Engine.start();
const from = Number(values.seed);
const [chaosMs, restMs] = [Number(values.chaos), Number(values.rest)];
for (let seed = from; seed < from + Number(values.count); seed += 1) {
  const outcome = await World.run({ seed, platform, engine, chaosMs, restMs });
  outcome.violations.push(...uncaught.splice(0));
  await new Promise((resolve) => void process.stdout.write(`${JSON.stringify(outcome)}\n`, resolve));
  if (values['until-found'] && outcome.violations.length > 0) break;
}
engine.close();
process.exit(0);
