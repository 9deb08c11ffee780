import { readdirSync } from 'node:fs';
import { ROOT } from '../support/sources.js';

/** A way to break the product, as a patch with what it breaks before it. */
export interface Mutant {
  /** What is wrong with it. */
  readonly breaks: string;
  /** What is to notice: an invariant, or a checker of histories. */
  readonly noticedBy: string;
  /** The suite that is run, below `test/dist/`, and with what settings. */
  readonly suite: string;
  readonly env: Readonly<Record<string, string>>;
}

export const MUTANTS_FOLDER = 'test/faults/mutants/';

/** Names of all of them. */
export const MUTANTS: readonly string[] = readdirSync(ROOT + MUTANTS_FOLDER)
  .filter((name) => name.endsWith('.patch'))
  .toSorted();

/** @throws Error when a line of the header is missing */
export function headerOf(patch: string): Mutant {
  const line = (name: string): string => {
    const value = new RegExp(`^${name}: (.+)$`, 'm').exec(patch)?.[1];
    if (value === undefined) throw new Error(`the patch has no line "${name}: …" before it`);
    return value;
  };
  const [suite = '', ...settings] = line('Run').split(' ');
  const env = Object.fromEntries(settings.map((setting) => setting.split('=') as [string, string]));
  return { breaks: line('Breaks'), noticedBy: line('Noticed by'), suite, env };
}
