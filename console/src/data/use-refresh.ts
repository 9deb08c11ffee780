import { useEffect, useRef } from 'react';

/**
 * Asks again when `version` has changed: at once, then not more often than after each `everyMs`; and not while nobody
 * sees the page.
 */
export function useRefresh(version: number | string, again: () => void, everyMs = 1_000): void {
  const asked = useRef({ version, at: 0 });
  useEffect(() => {
    if (asked.current.version === version) return undefined;
    const ask = (): void => {
      if (document.hidden) return;
      asked.current = { version, at: performance.now() };
      again();
    };
    const timer = setTimeout(ask, Math.max(0, asked.current.at + everyMs - performance.now()));
    document.addEventListener('visibilitychange', ask);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', ask);
    };
  }, [version, again, everyMs]);
}
