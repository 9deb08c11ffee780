import type { Core } from '../core.js';

/** Origins that are logged; beyond that somebody makes them up. */
const MAX_LOGGED = 100;
const MAX_LENGTH = 200;

/**
 * Notes pages that were kept out: each in the metrics, each origin once in the log. Browsers tell neither the page nor
 * its developer why a WebSocket failed.
 */
export function noteRefusedOrigins({
  log,
  metrics,
}: Pick<Core, 'log' | 'metrics'>): (origin: string) => void {
  const logged = new Set<string>();
  return (origin) => {
    metrics.handshakeRefused('forbidden');
    const shown = origin.slice(0, MAX_LENGTH);
    if (logged.has(shown) || logged.size === MAX_LOGGED) return;
    logged.add(shown);
    log.warn(
      { origin: shown },
      'pages of this origin may not connect; if they are yours, add it to LASTCALL_ALLOWED_ORIGINS',
    );
  };
}
