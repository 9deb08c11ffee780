import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LastcallError } from '@lastcall/shared';
import express, { type Request, type RequestHandler, Router } from 'express';
import type { SignInCodes, TokenClaims } from '../auth/index.js';
import { consoleCodeSchema } from '../schema/console.js';
import { parse } from '../schema/parse.js';
import type { BodyReader } from './body.js';
import { isSameOrigin } from './local.js';
import { nonceOf, protectConsole } from './protect.js';
import { answering, enter, otherMethods, type RouteParts, searchOf, sendJson } from './routes.js';

/** The console as it is built into this package. */
const CONSOLE_FOLDER = fileURLToPath(new URL('../console/', import.meta.url));

/** Stands in the page for what each answer has of its own. */
const NONCE_MARK = '{{nonce}}';

export interface ConsoleParts extends Pick<RouteParts, 'verifier' | 'limits' | 'denials' | 'before'> {
  readonly production: boolean;
  readonly readBody: BodyReader;
  /** Signs a token for who comes by a link; without it there are no links. */
  readonly mint?: ((claims: TokenClaims) => Promise<string>) | undefined;
  readonly codes: SignInCodes<TokenClaims>;
}

/** Whether there is a console to be served: packages have one, and checkouts that were built whole. */
export function hasConsole(): boolean {
  return existsSync(`${CONSOLE_FOLDER}index.html`);
}

const uncached: RequestHandler = (_req, res, next) => {
  res.set('Cache-Control', 'no-cache');
  next();
};

function consolePage(): RequestHandler {
  const pieces = readFileSync(`${CONSOLE_FOLDER}index.html`, 'utf8').split(NONCE_MARK);
  return (_req, res) => {
    res.set({ 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
    res.end(pieces.join(nonceOf(res)));
  };
}

/** Who asks, for a page that shows it; refuses, and records, who administers nothing here. */
async function whoAsks(req: Request, parts: ConsoleParts) {
  const { identity } = await enter('admin.connect', req, searchOf(req), parts);
  const { tenant, user, expiresAt } = identity;
  return { tenant, user, expiresAt };
}

/** @throws {LastcallError} `unauthenticated` for a code that is not good (any more) */
async function exchange(code: string, address: string, parts: ConsoleParts): Promise<string> {
  const claims = parts.codes.take(code);
  if (claims && parts.mint) return await parts.mint(claims);
  await parts.limits.handshakeFailed(address);
  throw new LastcallError(
    'unauthenticated',
    'This link was used before, or is too old. Start the broker again for a new one, or sign in with a token.',
  );
}

/**
 * The administrators' console at `/console/`: its page, its files, `GET /console/identity`, which says who a token is of, and
 * `POST /console/code`, which takes the code of a sign-in link and gives the token it stands for.
 */
export function consoleRouter(parts: ConsoleParts): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router
    .route('/console/code')
    .all(...parts.before)
    .post(
      answering(async (req, res) => {
        if (!isSameOrigin(req)) throw new LastcallError('forbidden', 'Only the console itself may ask this.');
        const { code } = parse(consoleCodeSchema, await parts.readBody(req, res));
        sendJson(res, 200, { token: await exchange(code, req.ip ?? '', parts) });
      }),
    )
    .all(otherMethods(['post']));
  router
    .route('/console/identity')
    .all(...parts.before)
    .get(answering(async (req, res) => sendJson(res, 200, await whoAsks(req, parts))))
    .all(otherMethods(['get']));
  if (!hasConsole()) return router;
  const pages = protectConsole(parts);
  router.get('/console', (_req, res) => res.redirect(308, 'console/'));
  router
    .route('/console/')
    .all(...pages)
    .get(consolePage())
    .all(otherMethods(['get']));
  const files = express.static(CONSOLE_FOLDER, { index: false, cacheControl: false, redirect: false });
  router.use('/console', ...pages, uncached, files);
  return router;
}
