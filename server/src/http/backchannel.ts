import { type Actor, LastcallError } from '@lastcall/shared';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import type { Logout } from '../auth/index.js';
import type { Core } from '../core.js';
import { type LogoutError, logoutFormSchema, logoutParamsSchema } from '../schema/backchannel.js';
import { parse } from '../schema/parse.js';
import { isParserError } from './problem.js';
import { answering, otherMethods, type RouteParts, searchOf, sendJson } from './routes.js';

export const BACKCHANNEL_PATH = '/v1/tenants/:tenant/backchannel-logout';

/** Fields of the form; those who send more mean something else. */
const MAX_FIELDS = 20;

export type BackchannelParts = Pick<RouteParts, 'core' | 'verifier' | 'limits' | 'before'> & {
  readonly maxBytes: number;
};

/** Codes that say: there is nothing wrong with the request, or not with what it says. */
const NOT_THE_TOKEN: ReadonlySet<string> = new Set(['rate_limited', 'too_large', 'unavailable']);

/** Reads the form of a request. Where an application has read the body, that is what it gives. */
function formReader(maxBytes: number): (req: Request, res: Response) => Promise<unknown> {
  const read: RequestHandler = express.urlencoded({
    extended: false,
    limit: maxBytes,
    inflate: false,
    parameterLimit: MAX_FIELDS,
  });
  return async (req, res) => {
    if (!req.is('application/x-www-form-urlencoded')) {
      throw new LastcallError(
        'invalid',
        'Send the token as a form, with "Content-Type: application/x-www-form-urlencoded".',
      );
    }
    await new Promise<void>((resolve, reject) => {
      void read(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
    });
    return req.body as unknown;
  };
}

/** Who signed out, as an authentic token says. @throws {LastcallError} `unauthenticated`, `token_expired`, `invalid`, `unavailable` */
async function readLogout(
  req: Request,
  form: unknown,
  verifier: RouteParts['verifier'],
): Promise<{ tenant: string; logout: Logout }> {
  if (searchOf(req).size > 0)
    throw new LastcallError('invalid', 'The token belongs into the body, and the query must be empty.');
  const { tenant } = parse(logoutParamsSchema, { ...req.params });
  const { logout_token } = parse(logoutFormSchema, form);
  return { tenant, logout: await verifier.verifyLogout(logout_token) };
}

/**
 * Ends the person's sessions; that a token was used twice, or elsewhere than it is for, is recorded.
 * @throws {LastcallError} `forbidden`, `conflict`, `unavailable`
 */
async function carryOut(core: Core, tenant: string, logout: Logout): Promise<{ ended: number }> {
  try {
    if (logout.tenant !== undefined && logout.tenant !== tenant) {
      throw new LastcallError('forbidden', 'The logout token is of another tenant.');
    }
    return await core.logouts.carryOut(tenant, logout);
  } catch (error) {
    if (isRefusal(error)) await noteRefusal(core, logout.tenant ?? tenant, logout, error.message);
    throw error;
  }
}

/** Never rejects: what is refused stays refused, whether it can be written down or not. */
async function noteRefusal(core: Core, tenant: string, logout: Logout, reason: string): Promise<void> {
  const by: Actor = { kind: 'system', id: logout.issuer };
  const details = { action: 'backchannel-logout', user: logout.user };
  try {
    await core.audit.note(tenant, 'access.denied', by, { reason, details });
  } catch (error) {
    core.log.warn({ err: error }, 'a refused logout could not be recorded');
  }
}

/** Whether the specification wants this answered with 400: the request is wrong, whatever else HTTP has for it. */
function isRefusal(error: unknown): error is Error {
  if (error instanceof LastcallError) return !NOT_THE_TOKEN.has(error.code);
  return isParserError(error) && error.status !== 413;
}

function refusalOf(error: Error): LogoutError {
  const description = error instanceof LastcallError ? error.message : 'The form cannot be read.';
  return { error: 'invalid_request', error_description: description };
}

/**
 * `POST /v1/tenants/:tenant/backchannel-logout`: the identity provider says that a person signed out there (OpenID
 * Connect Back-Channel Logout 1.0). The logout token is the credential; there is no other.
 */
export function backchannelRouter(parts: BackchannelParts): Router {
  const { core, verifier, limits, before, maxBytes } = parts;
  const readForm = formReader(maxBytes);
  const handle = async (req: Request, res: Response): Promise<void> => {
    const address = req.ip ?? '';
    try {
      const { tenant, logout } = await readLogout(req, await readForm(req, res), verifier);
      const { ended } = await core.patience.wait(carryOut(core, tenant, logout));
      core.log.info({ tenant, ended }, 'a person signed out at the identity provider');
      res.status(200).set('Cache-Control', 'no-store').end();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await limits.handshakeFailed(address);
      const refusal = refusalOf(error);
      core.log.warn({ address, why: refusal.error_description }, 'a back-channel logout was refused');
      sendJson(res, 400, refusal);
    }
  };
  const router = Router({ caseSensitive: true });
  router
    .route(BACKCHANNEL_PATH)
    .all(...before)
    .post(answering(handle))
    .all(otherMethods(['post']));
  return router;
}
