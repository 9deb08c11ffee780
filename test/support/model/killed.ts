import { AssertionError, expect } from 'chai';
import type { RedisDriver } from 'lastcall/internal/redis/driver.js';
import { type Mutant, mutate } from './mutants.js';
import { type Kind, runWorlds, virtualTime } from './runner.js';

/** Within so many commands the model has to notice that a script is wrong. */
const ENOUGH = 60_000;

/** Expects the model to tell a wrong script from the right one; answers what it said. */
export async function expectKilled<W>(
  mutant: Mutant,
  parts: { kind: Kind<W>; driver: RedisDriver; seed: number },
): Promise<string> {
  const { worlds, found, begin: beginIn } = parts.kind;
  const begin = beginIn(await virtualTime(parts.driver, mutate(mutant)));
  for (const world of found) {
    const said = await failureOf(begin(world).run());
    if (said) return said;
  }
  const said = await failureOf(
    runWorlds({ worlds, begin, commands: ENOUGH, seed: parts.seed, short: false }),
  );
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
