import type { Core } from 'lastcall/internal/core.js';
import { checkHistory } from '../history.js';
import { Bench } from './bench.js';
import type { Trial, VirtualTime } from './runner.js';
import type { Step } from './steps.js';
import { Model } from './sweeps.js';
import { World } from './world.js';

/** Makes worlds of sessions and orders; their history is read by a broker's own means. */
export function orderTrials(time: VirtualTime, core: Core): (todo: readonly Step[]) => Trial {
  return (todo) => {
    const bench = new Bench(time, new Model());
    return {
      run: async () => {
        await new World(bench).run(todo);
        await checkHistory(core, bench.tenant);
        time.driver.leave(bench.tenant);
      },
      get commands() {
        return bench.commands;
      },
    };
  };
}
