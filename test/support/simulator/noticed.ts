import { AssertionError, expect } from 'chai';
import type { Mutant } from '../model/mutants.js';
import { live } from './campaign.js';
import { SIMULATOR_MUTANTS } from './mutants.js';

/** @throws Error when there is no such mutant any more */
export function findMutant(name: string): Mutant {
  const mutant = SIMULATOR_MUTANTS.find(({ what }) => what === name);
  if (!mutant) throw new Error(`there is no mutant of that name: ${name}`);
  return mutant;
}

/** Expects the simulator to find something wrong with a mistake in the product; answers what, and at which seed. */
export async function expectNoticed(
  { what }: Mutant,
  seeds: number,
  more: readonly string[] = [],
): Promise<string> {
  const args = ['--seed', '1', '--count', String(seeds), '--mutant', what, '--until-found', ...more];
  const last = (await live(args)).at(-1);
  const [said] = last?.violations ?? [];
  if (said === undefined) throw new AssertionError(`the simulator did not notice that ${what}`);
  // A script that does not run proves nothing.
  const all = last?.violations.join('\n') ?? '';
  expect(all).not.to.match(/ReplyError|Error running script|user_script|the world broke/);
  return `seed ${last?.seed}: ${said}`;
}
