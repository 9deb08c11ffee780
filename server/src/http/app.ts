import { LastcallError } from '@lastcall/shared';
import express, { type ErrorRequestHandler, type Express, type RequestHandler, Router } from 'express';
import { SignInCodes, type TokenClaims, type Verifier } from '../auth/index.js';
import type { Config } from '../config.js';
import type { Core } from '../core.js';
import type { Health } from '../health.js';
import type { Limits } from '../limits.js';
import { buildAsyncApi } from './asyncapi.js';
import { backchannelRouter } from './backchannel.js';
import { bodyReader } from './body.js';
import { consoleRouter, hasConsole } from './console.js';
import { developmentRouter, hasDemo } from './development.js';
import { docsPage } from './docs/page.js';
import { serveDocument } from './document.js';
import { healthRouter } from './health.js';
import { landing } from './landing.js';
import { buildOpenApi } from './openapi.js';
import { sendProblem } from './problem.js';
import { allowOrigins, logRequests, protectData, protectPages, protectReading } from './protect.js';
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
  /** Codes of the links that sign in to the console. */
  readonly codes?: SignInCodes<TokenClaims>;
  /** Where the demo's pages are; the repository's unless given. */
  readonly demoFolder?: string;
}

/**
 * The HTTP API, `/livez`, `/readyz`, `/metrics`, `/docs` and its documents, to be mounted in an application of one's own. It
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
  const documents = {
    '/openapi.json': serveDocument(buildOpenApi, (base) => ({ servers: [{ url: base || '/' }] })),
    '/asyncapi.json': serveDocument(buildAsyncApi),
  };
  for (const [path, document] of Object.entries(documents)) {
    router
      .route(path)
      .all(...before)
      .get(document)
      .all(otherMethods(['get']));
  }
  router
    .route('/docs')
    .all(...before, ...protectReading(config))
    .get(docsPage())
    .all(otherMethods(['get']));
  return router;
}

/** The whole HTTP side of a broker that serves alone: the router, the console, a page at `/` and, in development, the demo. */
export function createApp(parts: AppParts): Express {
  const { core, config, mint, demoFolder, codes = new SignInCodes() } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.set('trust proxy', config.trustProxy);
  app.set('query parser', false);
  app.use(logRequests(core.log), protectData(config));
  app.use(createRouter(parts));

  const readBody = bodyReader(config.maxPayloadBytes);
  const { verifier, limits } = parts;
  const shared = { verifier, limits, denials: core.denials, before: [protectData(config)] };
  app.use(consoleRouter({ ...shared, production: config.production, readBody, mint, codes }));

  const beforePages = protectPages(config);
  if (config.dev && mint) {
    const folder = demoFolder === undefined ? {} : { demoFolder };
    // The demo has a page that shows others of it side by side.
    const beforeDemo = protectPages(config, true);
    app.use(developmentRouter({ mint, readBody, beforePages: beforeDemo, ...folder }));
  }
  app
    .route('/')
    .all(...beforePages)
    .get(
      landing({
        hasConsole: hasConsole(),
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
    new LastcallError('not_found', 'There is nothing at this address; /docs says what there is.'),
  );
};

/** Express knows it for an error handler by its four parameters. */
const failed: ErrorRequestHandler = (error, _req, res, _next) => sendProblem(res, error);
