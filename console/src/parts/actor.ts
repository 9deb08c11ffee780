import type { Actor } from '@lastcall/shared';
import { useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';

/** Names who did something. */
export function useActor(): (actor: Actor) => string {
  const say = useText(termsText);
  return ({ kind, id, name }) => {
    if (kind === 'policy') return say('policyActor');
    return name ?? id ?? say('system');
  };
}
