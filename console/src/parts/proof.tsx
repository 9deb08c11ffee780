import type { Checks } from '@lastcall/shared';
import { useText } from '../i18n/context.js';
import { termsText } from '../i18n/terms/index.js';
import { Icon } from './icon.js';

const CHECKS = ['registry', 'sockets', 'locks', 'reentry'] as const satisfies readonly (keyof Checks)[];

/** What was looked at to prove that somebody is gone, and what was found. */
export function Proof({ checks }: { readonly checks: Checks }) {
  const say = useText(termsText);
  return (
    <ul className="lc-checks">
      {CHECKS.map((check) => (
        <li key={check} data-ok={checks[check].ok || undefined}>
          <Icon name={checks[check].ok ? 'check' : 'close'} size={15} /> {say(`check.${check}`)}
          <span className="lc-soft">{checks[check].detail}</span>
        </li>
      ))}
    </ul>
  );
}
