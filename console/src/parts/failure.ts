import { messageOf } from '../data/problem.js';
import { useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';

/** Says to a person why something failed: the broker's sentence, or that it cannot be reached. */
export function useFailure(): (error: unknown) => string {
  const say = useText(termsText);
  return (error) => messageOf(error) || say('unreachable');
}
