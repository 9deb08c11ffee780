import { type RequestHandler, Router } from 'express';
import type { Health, Readiness } from '../health.js';
import type { Logger } from '../log.js';
import type { Metrics } from '../metrics.js';
import { isLocal } from './local.js';
import { answering, enter, otherMethods, type RouteParts, searchOf, sendJson } from './routes.js';

/** Whoever asks gives up soon; then "no answer" is the answer. */
const READY_LIMIT_MS = 1_900;

export interface HealthParts extends Pick<RouteParts, 'verifier' | 'limits' | 'denials' | 'before'> {
  readonly health: Pick<Health, 'ready'>;
  readonly metrics: Pick<Metrics, 'expose'>;
  readonly log: Logger;
  readonly trustProxy: number;
  /** How long a look at what is ready may take, in milliseconds; 1 900 unless given. */
  readonly readyLimitMs?: number;
}

function silent(detail: string): Readiness {
  return { ok: false, checks: [{ name: 'readiness', ok: false, detail }] };
}

/** Looks whether the broker is ready, within a limit; those who ask at the same time share one look. */
function readiness(parts: Pick<HealthParts, 'health' | 'log' | 'readyLimitMs'>): () => Promise<Readiness> {
  const { health, log, readyLimitMs = READY_LIMIT_MS } = parts;
  let looking: Promise<Readiness> | undefined;

  async function look(): Promise<Readiness> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Readiness>((resolve) => {
      timer = setTimeout(() => resolve(silent(`no answer within ${readyLimitMs} ms`)), readyLimitMs);
    });
    try {
      return await Promise.race([health.ready(), late]);
    } catch (error) {
      log.error({ err: error }, 'it could not be found out whether the broker is ready');
      return silent('the checks failed; the log says why');
    } finally {
      clearTimeout(timer);
    }
  }

  return () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
}

/**
 * `/livez`: the process answers. `/readyz`: it may be sent work, or why not. `/metrics`: for Prometheus; without a
 * token from this machine only, else with the token of an administrator or operator.
 */
export function healthRouter(parts: HealthParts): Router {
  const router = Router({ caseSensitive: true });
  const ready = readiness(parts);
  const serve = (path: string, handler: RequestHandler): void => {
    router
      .route(path)
      .all(...parts.before)
      .get(handler)
      .all(otherMethods(['get']));
  };

  serve('/livez', (_req, res) => sendJson(res, 200, { ok: true }));
  serve(
    '/readyz',
    answering(async (_req, res) => {
      const answer = await ready();
      sendJson(res, answer.ok ? 200 : 503, answer);
    }),
  );
  serve(
    '/metrics',
    answering(async (req, res) => {
      const isFree = req.headers.authorization === undefined && isLocal(req, parts.trustProxy);
      if (!isFree) await enter('metrics.read', req, searchOf(req), parts);
      const { contentType, body } = await parts.metrics.expose();
      res.set({ 'Content-Type': contentType, 'Cache-Control': 'no-store' }).end(body);
    }),
  );
  return router;
}
