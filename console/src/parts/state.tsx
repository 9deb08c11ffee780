import type { SessionState } from '@lastcall/shared';
import { useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';

/** A session's state: a coloured dot, and its word. */
export function State({ state }: { readonly state: SessionState }) {
  const say = useText(termsText);
  return (
    <span className="lc-state" data-state={state}>
      <span className="lc-dot" />
      {say(`state.${state}`)}
    </span>
  );
}
