import { type Identity, LastcallError } from '@lastcall/shared';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { authorize, type Verifier } from '../auth/index.js';
import type { Core } from '../core.js';
import type { Denials } from '../denials.js';
import type { Limits } from '../limits.js';
import { invalid, parse } from '../schema/parse.js';
import { ROUTES, type Route, type RouteId } from '../schema/routes.js';
import { AUDIT_HANDLERS } from './audit.js';
import { authenticate } from './authenticate.js';
import { BLOCK_HANDLERS } from './blocks.js';
import type { BodyReader } from './body.js';
import { callOf, type Handlers, type RawCall, type Reply, type Streamed } from './call.js';
import { LOCK_HANDLERS } from './locks.js';
import { MAINTENANCE_HANDLERS } from './maintenance.js';
import { ORDER_HANDLERS } from './orders.js';
import { fromWireCursor } from './page.js';
import { POLICY_HANDLERS } from './policy.js';
import { HttpError, sendProblem } from './problem.js';
import { REGISTRY_HANDLERS } from './registry.js';
import { REVIEW_HANDLERS } from './review.js';
import { SESSION_HANDLERS } from './sessions.js';
import { goneSignal, sendPieces } from './stream.js';

/** A handler per row of the table of routes; a new row does not compile without its handler. */
const HANDLERS: Handlers = {
  ...SESSION_HANDLERS,
  ...ORDER_HANDLERS,
  ...MAINTENANCE_HANDLERS,
  ...BLOCK_HANDLERS,
  ...LOCK_HANDLERS,
  ...AUDIT_HANDLERS,
  ...POLICY_HANDLERS,
  ...REVIEW_HANDLERS,
  ...REGISTRY_HANDLERS,
};

/** What every route needs. */
export interface RouteParts {
  readonly core: Core;
  readonly verifier: Verifier;
  readonly limits: Limits;
  readonly denials: Denials;
  readonly readBody: BodyReader;
  /** Runs before each request of these paths, and before none else. */
  readonly before: readonly RequestHandler[];
}

const ROUTE_IDS = Object.keys(ROUTES) as readonly RouteId[];

/** Refuses who may not do this, and records that they tried. */
async function admit(
  route: RouteId | 'metrics.read' | 'admin.connect',
  identity: Identity,
  tenant: string,
  denials: Denials,
): Promise<void> {
  try {
    authorize(route, identity, tenant);
  } catch (error) {
    if (error instanceof LastcallError) await denials.note(identity, route, tenant, error.message);
    throw error;
  }
}

/** Signs in whoever asks, and refuses who may not do this. */
export async function enter(
  action: RouteId | 'metrics.read' | 'admin.connect',
  req: Request,
  query: URLSearchParams,
  parts: Pick<RouteParts, 'verifier' | 'limits' | 'denials'>,
  tenantOf: (identity: Identity) => string = (identity) => identity.tenant,
): Promise<{ identity: Identity; tenant: string }> {
  const identity = await authenticate(req, query, parts);
  const tenant = tenantOf(identity);
  await admit(action, identity, tenant, parts.denials);
  return { identity, tenant };
}

/** Stands for the value of a name that was given more than once: no field of a query takes a list. */
const REPEATED: readonly unknown[] = [];

/** The query as its schema takes it, without what an application's own parser would make of it. */
function queryOf(route: Route, search: URLSearchParams): unknown {
  const query = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of search) query[name] = name in query ? REPEATED : value;
  if (route.query) {
    if (query['cursor'] !== undefined) query['cursor'] = fromWireCursor(query['cursor']);
    return parse(route.query, query);
  }
  if (search.size > 0) throw invalid([{ path: 'query', message: 'must be empty here' }]);
  return undefined;
}

/** The query of an address. */
export function searchOf(req: Request): URLSearchParams {
  const from = req.originalUrl.indexOf('?');
  return new URLSearchParams(from < 0 ? '' : req.originalUrl.slice(from + 1));
}

async function readCall(id: RouteId, req: Request, res: Response, parts: RouteParts): Promise<RawCall> {
  const route: Route = ROUTES[id];
  const search = searchOf(req);
  let params: Record<string, unknown> | undefined;
  const { identity, tenant } = await enter(id, req, search, parts, (who) => {
    params = route.params ? parse(route.params, { ...req.params }) : undefined;
    return typeof params?.['tenant'] === 'string' ? params['tenant'] : who.tenant;
  });
  return {
    core: parts.core,
    identity,
    tenant,
    params,
    query: queryOf(route, search),
    body: route.body ? parse(route.body, await parts.readBody(req, res)) : undefined,
    header: (name) => req.get(name),
    signal: goneSignal(res),
  };
}

async function act<R extends RouteId>(id: R, raw: RawCall): Promise<Reply<R> | Streamed> {
  return await HANDLERS[id](callOf(id, raw));
}

/** The one way of every call: who, where, may they, what, do it, answer. */
async function serve(id: RouteId, req: Request, res: Response, parts: RouteParts): Promise<void> {
  const call = await readCall(id, req, res, parts);
  const reply = await parts.core.patience.wait(act(id, call));
  if ('pieces' in reply) await sendPieces(req, res, reply);
  else sendJson(res, reply.status, reply.body, reply.headers);
}

/** Answers with JSON that nobody keeps. */
export function sendJson(
  res: Response,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  res.status(status);
  res.set({ 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store', ...headers });
  res.end(JSON.stringify(body));
}

/** Makes a handler that answers every error itself, so that no other handler of an application sees it. */
export function answering(handle: (req: Request, res: Response) => Promise<void>): RequestHandler {
  return async (req, res) => {
    try {
      await handle(req, res);
    } catch (error) {
      sendProblem(res, error);
    }
  };
}

/** Answers the methods that a path does not have. */
export function otherMethods(methods: readonly string[]): RequestHandler {
  const known = methods.map((method) => method.toUpperCase());
  const allow = [...known, ...(known.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  return (req, res) => {
    if (req.method === 'OPTIONS') {
      res.status(204).set('Allow', allow).end();
      return;
    }
    sendProblem(res, new HttpError(405, 'invalid', `This takes ${allow} only.`, { Allow: allow }));
  };
}

function names(path: string): number {
  return path.split(':').length;
}

/** Paths with fewer names first, so that `sessions/check` is not taken for the session "check". */
function pathsInOrder(): readonly string[] {
  const paths = new Set(ROUTE_IDS.map((id) => ROUTES[id].path));
  return [...paths].toSorted((a, b) => names(a) - names(b));
}

/** The HTTP API: every row of the table of routes, and nothing besides. */
export function apiRouter(parts: RouteParts): Router {
  const router = Router({ caseSensitive: true });
  for (const path of pathsInOrder()) {
    const ids = ROUTE_IDS.filter((id) => ROUTES[id].path === path);
    const at = router.route(path).all(...parts.before);
    for (const id of ids) at[ROUTES[id].method](answering((req, res) => serve(id, req, res, parts)));
    at.all(otherMethods(ids.map((id) => ROUTES[id].method)));
  }
  return router;
}
