import { LastcallError } from '@lastcall/shared';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, Router } from 'express';
import type { TokenClaims, Verifier } from '../auth/index.js';
import type { Config } from '../config.js';
import type { Core } from '../core.js';
import type { Health } from '../health.js';
import type { Limits } from '../limits.js';
import { backchannelRouter } from './backchannel.js';
import { bodyReader } from './body.js';
import { developmentRouter, hasDemo } from './development.js';
import { healthRouter } from './health.js';
import { landing } from './landing.js';
import { openApi } from './openapi.js';
import { sendProblem } from './problem.js';
import { allowOrigins, logRequests, protectData, protectPages } from './protect.js';
import { apiRouter, otherMethods } from './routes.js';

/** The settings the HTTP edge reads. */
export type HttpConfig = Pick<
  Config,
  'allowedOrigins' | 'dev' | 'maxPayloadBytes' | 'production' | 'trustProxy'
>;

export interface HttpParts {
  readonly core: Core;
  readonly config: HttpConfig;
  readonly verifier: Verifier;
  readonly limits: Limits;
  readonly health: Pick<Health, 'ready'>;
}

export interface AppParts extends HttpParts {
  /** Signs tokens for the sign-in of development; without it there is none. */
  readonly mint?: ((claims: TokenClaims) => Promise<string>) | undefined;
  /** Where the demo's pages are; the repository's unless given. */
  readonly demoFolder?: string;
}

/**
 * The HTTP API, `/livez`, `/readyz`, `/metrics` and `/openapi.json`, to be mounted in an application of one's own. It
 * acts on these paths only, answers their errors itself and passes everything else on. Whose `X-Forwarded-For` is
 * believed is up to the application (`trust proxy`).
 *
 * @example application.use('/lastcall', createRouter({ core, config, verifier, limits, health }));
 */
export function createRouter({ core, config, verifier, limits, health }: HttpParts): Router {
  const before = [logRequests(core.log), protectData(config), allowOrigins(config)];
  const shared = { verifier, limits, denials: core.denials, before };
  const router = Router({ caseSensitive: true });
  router.use(backchannelRouter({ ...shared, core, maxBytes: config.maxPayloadBytes }));
  router.use(apiRouter({ ...shared, core, readBody: bodyReader(config.maxPayloadBytes) }));
  router.use(
    healthRouter({ ...shared, health, metrics: core.metrics, log: core.log, trustProxy: config.trustProxy }),
  );
  router
    .route('/openapi.json')
    .all(...before)
    .get(openApi())
    .all(otherMethods(['get']));
  return router;
}

/** The whole HTTP side of a broker that serves alone: the router, a page at `/` and, in development, the demo. */
export function createApp(parts: AppParts): Express {
  const { core, config, mint, demoFolder } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', config.trustProxy);
  app.set('query parser', false);
  app.use(logRequests(core.log), protectData(config));
  app.use(createRouter(parts));

  const beforePages = protectPages(config);
  if (config.dev && mint) {
    const readBody = bodyReader(config.maxPayloadBytes);
    const folder = demoFolder === undefined ? {} : { demoFolder };
    app.use(developmentRouter({ mint, readBody, beforePages, ...folder }));
  }
  app
    .route('/')
    .all(...beforePages)
    .get(
      landing({
        hasDemo: config.dev && mint !== undefined && hasDemo(demoFolder),
        trustProxy: config.trustProxy,
      }),
    )
    .all(otherMethods(['get']));
  app.use(notFound);
  app.use(failed);
  return app;
}

const notFound: RequestHandler = (_req, res) => {
  sendProblem(
    res,
    new LastcallError('not_found', 'There is nothing at this address; /openapi.json says what there is.'),
  );
};

/** Express knows it for an error handler by its four parameters. */
const failed: ErrorRequestHandler = (error, _req, res, _next) => sendProblem(res, error);
