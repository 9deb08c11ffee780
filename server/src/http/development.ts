import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, Router } from 'express';
import type { TokenClaims } from '../auth/index.js';
import { devTokenSchema } from '../schema/development.js';
import { parse } from '../schema/parse.js';
import type { BodyReader } from './body.js';
import { isLocal, isSameOrigin } from './local.js';
import { given } from './page.js';
import { answering, otherMethods, sendJson } from './routes.js';

/** The built demo, as it lies beside the server in the repository. */
const DEMO_FOLDER = fileURLToPath(new URL('../../../demo/dist/', import.meta.url));

export interface DevelopmentParts {
  readonly mint: (claims: TokenClaims) => Promise<string>;
  readonly readBody: BodyReader;
  readonly beforePages: readonly RequestHandler[];
  /** Where the demo's pages are; the repository's unless given. */
  readonly demoFolder?: string;
}

/** Whether there is a demo to be served. */
export function hasDemo(folder: string = DEMO_FOLDER): boolean {
  return existsSync(`${folder}/index.html`);
}

/** To everybody but this machine it is as if this were not here; proxies never stand in front of development. */
const localOnly: RequestHandler = (req, _res, next) =>
  next(isLocal(req, 0) && isSameOrigin(req) ? undefined : 'router');

/** What was built a moment ago is to be seen at once. */
const uncached: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-cache');
  next();
};

/**
 * What development has and nothing else: `POST /dev/token`, which signs in whoever asks as whomever they like, and the
 * demo at `/demo/`. Both for requests of this machine only.
 */
export function developmentRouter(parts: DevelopmentParts): Router {
  const router = Router({ caseSensitive: true });
  router
    .route('/dev/token')
    .all(localOnly)
    .post(
      answering(async (req, res) => {
        const claims = parse(devTokenSchema, await parts.readBody(req, res));
        sendJson(res, 200, { token: await parts.mint(given(claims)) });
      }),
    )
    .all(otherMethods(['post']));
  const files = express.static(parts.demoFolder ?? DEMO_FOLDER, { index: 'index.html', cacheControl: false });
  router.use('/demo', localOnly, ...parts.beforePages, uncached, files);
  return router;
}
