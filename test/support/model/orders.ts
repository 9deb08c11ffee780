import type { Core } from 'lastcall/internal/core.js';
import { checkHistory } from '../history.js';
import type { VirtualDriver } from '../virtual-time.js';
import { Bench } from './bench.js';
import type { Trial } from './runner.js';
import type { Step } from './steps.js';
import { World } from './world.js';

/** Makes worlds of sessions and orders; their history is read by a broker's own means. */
export function orderTrials(driver: VirtualDriver, core: Core): (todo: readonly Step[]) => Trial {
  return (todo) => {
    const bench = new Bench(driver);
    return {
      run: async () => {
        await new World(bench).run(todo);
        await checkHistory(core, bench.tenant);
        driver.leave(bench.tenant);
      },
      get commands() {
        return bench.commands;
      },
    };
  };
}
