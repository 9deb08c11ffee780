import { AssertionError, expect } from 'chai';
import type { Core } from 'lastcall/internal/core.js';
import type { RedisDriver } from 'lastcall/internal/redis/driver.js';
import { FOUND } from './found.js';
import { type Mutant, mutate } from './mutants.js';
import { orderTrials } from './orders.js';
import { runWorlds, virtualTime } from './runner.js';
import { steps } from './steps.js';

/** Within so many commands the model has to notice that a script is wrong. */
const ENOUGH = 60_000;

/** Expects the model to tell a wrong script from the right one; answers what it said. */
export async function expectKilled(
  mutant: Mutant,
  parts: { core: Core; driver: RedisDriver; seed: number },
): Promise<string> {
  const begin = orderTrials(await virtualTime(parts.driver, mutate(mutant)), parts.core);
  for (const { todo } of FOUND) {
    const said = await failureOf(begin(todo).run());
    if (said) return said;
  }
  const options = { steps, begin, commands: ENOUGH, seed: parts.seed, short: false };
  const said = await failureOf(runWorlds(options));
  if (!said) throw new AssertionError(`the model did not notice that ${mutant.what}`);
  return said;
}

/** What went wrong, unless nothing did. A script that does not run, or a store that is away, proves nothing. */
async function failureOf(run: Promise<unknown>): Promise<string | undefined> {
  const outcome: unknown = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) return undefined;
  const { cause } = outcome;
  const said = cause instanceof Error ? String(cause) : String(outcome);
  expect(said).not.to.match(/ReplyError|Error running script|user_script|StoreUnavailable/);
  return said;
}
