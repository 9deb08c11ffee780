import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { ROLES } from '@lastcall/shared';
import { z } from 'zod';
import { allows } from '../auth/index.js';
import { logoutErrorSchema, logoutFormSchema, logoutParamsSchema } from '../schema/backchannel.js';
import { problemSchema } from '../schema/error.js';
import { ROUTES, type Route, type RouteId } from '../schema/routes.js';
import { VERSION } from '../version.js';
import { BACKCHANNEL_PATH } from './backchannel.js';
import { cursor, MORE, type More } from './openapi-notes.js';
import { named, nameOf } from './openapi-schemas.js';

type Document = ReturnType<OpenApiGeneratorV31['generateDocument']>;

const SECURITY = [{ bearer: [] }];

const DESCRIPTION = `Who is working in an application right now, who edits what, warnings, logoffs and their receipts.

Durations are milliseconds and end in \`Ms\`; instants are epoch milliseconds and end in \`At\`. Unknown fields are
refused. Lists answer \`{ items, next? }\`; \`next\` is the \`cursor\` of the following page. Errors are
\`application/problem+json\` with a \`code\` to switch on.`;

const healthSchema = z
  .object({
    ok: z.boolean(),
    checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
  })
  .meta({ id: 'Readiness' });

function json(schema: z.ZodType, examples?: More['examples']) {
  return { 'application/json': { schema, ...(examples ? { examples } : {}) } };
}

/** Texts of these media types. */
function textIn(types: readonly string[]) {
  return Object.fromEntries(types.map((type) => [type, { schema: z.string() }]));
}

/** The statuses of `refuses` and those that every route of this form has. */
function refusalsOf(route: Route, refuses: readonly number[]): readonly number[] {
  const common = [400, 401, 403, 429, 500, 503];
  return [
    ...common,
    ...refuses,
    ...(route.params?.shape['id'] ? [404] : []),
    ...(route.body ? [413, 415] : []),
  ];
}

function requestOf(
  id: RouteId,
  route: Route,
  { takes, examples }: Pick<More, 'takes' | 'examples'>,
): NonNullable<RouteConfig['request']> {
  const { params, query, body } = route;
  return {
    ...(params ? { params } : {}),
    ...(query ? { query: query.shape['cursor'] ? query.safeExtend({ cursor }) : query } : {}),
    ...(body
      ? { body: { content: json(named(body, nameOf(id, 'Request')), examples), required: true } }
      : {}),
    ...(takes ? { headers: takes } : {}),
  };
}

function pathOf(id: RouteId, problem: { readonly $ref: string }): RouteConfig {
  const route: Route = ROUTES[id];
  const more = MORE[id] ?? {};
  const { gives, refuses = [], note, also = [] } = more;
  const roles = ROLES.filter((role) => allows(id, [role]));
  const answers = Object.entries(route.answers).map(([status, schema]) => [
    status,
    {
      description: route.summary,
      content: { ...json(named(schema, nameOf(id, 'Answer'))), ...textIn(also) },
      ...(gives ? { headers: gives } : {}),
    },
  ]);
  const refusals = refusalsOf(route, refuses).map((status) => [status, problem]);
  return {
    operationId: id,
    method: route.method,
    path: route.path.replace(/:(\w+)/g, '{$1}'),
    tags: [id.slice(0, id.indexOf('.'))],
    summary: route.summary,
    description: [note, `For the roles: ${roles.join(', ')}.`].filter(Boolean).join(' '),
    security: SECURITY,
    request: requestOf(id, route, more),
    responses: Object.fromEntries([...answers, ...refusals]) as RouteConfig['responses'],
  };
}

/** What is served besides the table of routes. */
function operations(problem: {
  readonly $ref: string;
}): readonly Pick<RouteConfig, 'path' | 'summary' | 'description' | 'security' | 'responses'>[] {
  const metrics = { 'text/plain': { schema: z.string() } };
  return [
    {
      path: '/livez',
      summary: 'Whether the process answers',
      responses: { 200: { description: 'It does.', content: json(z.object({ ok: z.literal(true) })) } },
    },
    {
      path: '/readyz',
      summary: 'Whether the broker may be sent work, and why not',
      responses: {
        200: { description: 'It may.', content: json(healthSchema) },
        503: { description: 'It may not.', content: json(healthSchema) },
      },
    },
    {
      path: '/metrics',
      summary: 'Metrics for Prometheus',
      description: 'Without a token from the same machine only. For the roles: admin, operator.',
      security: [...SECURITY, {}],
      responses: {
        200: { description: 'Metrics.', content: metrics },
        401: problem,
        403: problem,
        429: problem,
      },
    },
    {
      path: '/openapi.json',
      summary: 'This document',
      responses: { 200: { description: 'OpenAPI 3.1.', content: json(z.record(z.string(), z.unknown())) } },
    },
    {
      path: '/asyncapi.json',
      summary: 'The events over WebSocket',
      responses: { 200: { description: 'AsyncAPI 3.0.', content: json(z.record(z.string(), z.unknown())) } },
    },
    {
      path: '/docs',
      summary: 'All of this, for people',
      responses: { 200: { description: 'A page.', content: { 'text/html': { schema: z.string() } } } },
    },
  ];
}

/** What identity providers call: the form and the answers are theirs. */
function backchannel(problem: { readonly $ref: string }): RouteConfig {
  return {
    operationId: 'backchannel-logout',
    method: 'post',
    path: BACKCHANNEL_PATH.replace(/:(\w+)/g, '{$1}'),
    tags: ['sessions'],
    summary: 'A person signed out at the identity provider (OpenID Connect Back-Channel Logout 1.0)',
    description:
      'Ends the sessions of `sub` in this tenant, as `revoked`; with `sid` those of that sign-in. The logout token is the credential. The same token is refused the second time.',
    request: {
      params: logoutParamsSchema,
      body: {
        content: { 'application/x-www-form-urlencoded': { schema: logoutFormSchema } },
        required: true,
      },
    },
    responses: {
      200: { description: 'The sessions have ended; there may have been none.' },
      400: { description: 'The token is not accepted.', content: json(logoutErrorSchema) },
      413: problem,
      429: problem,
      500: problem,
      503: problem,
    },
  };
}

/** The OpenAPI 3.1 document of the HTTP API, made from the table of routes. */
export function buildOpenApi(): Document {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  });
  const { ref } = registry.registerComponent('responses', 'Problem', {
    description: 'Why not, with a code to switch on.',
    headers: {
      'Retry-After': { description: 'Seconds to wait, if waiting helps.', schema: { type: 'integer' } },
    },
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  });
  for (const operation of operations(ref)) {
    const operationId = operation.path.slice(1).replace(/\.json$/, '');
    registry.registerPath({ ...operation, operationId, method: 'get', tags: ['operations'] });
  }
  for (const id of Object.keys(ROUTES) as RouteId[]) registry.registerPath(pathOf(id, ref));
  registry.registerPath(backchannel(ref));
  const definitions = [...registry.definitions, { type: 'schema' as const, schema: problemSchema }];
  return new OpenApiGeneratorV31(definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Lastcall',
      version: VERSION,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
  });
}
