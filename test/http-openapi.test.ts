import { POLICY_RANGES, ROLES } from '@lastcall/shared';
import { expect } from 'chai';
import { allows } from 'lastcall/internal/auth/index.js';
import { buildOpenApi } from 'lastcall/internal/http/openapi.js';
import { ROUTES, type Route, type RouteId } from 'lastcall/internal/schema/index.js';
import { send } from './support/http.js';
import { useStubs } from './support/http-app.js';

type Json = { readonly [name: string]: unknown };

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { name: string; in: string; required?: boolean; schema: Json }[];
  readonly requestBody?: { readonly content: Json };
  readonly responses: Readonly<Record<string, Json>>;
}

interface Document {
  readonly openapi: string;
  readonly info: Json;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>>; readonly responses: Json };
}

const document = JSON.parse(JSON.stringify(buildOpenApi())) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);
const routes = Object.entries(ROUTES) as [RouteId, Route][];

function operationOf(id: RouteId): Operation {
  const found = operations.filter(({ operation }) => operation.operationId === id);
  expect(found, id).to.have.length(1);
  return (found[0] as (typeof found)[number]).operation;
}

function headersOf(id: RouteId): readonly unknown[] {
  const parameters = operationOf(id).parameters ?? [];
  return parameters.filter((one) => one.in === 'header').map(({ name, required }) => [name, required]);
}

/** Every object of the document, with where it is. */
function* objectsIn(value: unknown, at = '#'): Generator<[at: string, object: Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [at, value as Json];
  for (const [name, child] of Object.entries(value)) {
    yield* objectsIn(child, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}

describe('http: [A6] the OpenAPI document', () => {
  const stubs = useStubs();
  const objects = new Map(objectsIn(document));

  it('is of version 3.1 and has every route once, as the table has it', () => {
    expect(document.openapi).to.equal('3.1.0');
    const served = ['livez', 'readyz', 'metrics', 'openapi', 'asyncapi', 'docs', 'backchannel-logout'];
    expect(operations.map(({ operation }) => operation.operationId)).to.have.members([
      ...Object.keys(ROUTES),
      ...served,
    ]);
    for (const [id, route] of routes) {
      const found = operations.find(({ operation }) => operation.operationId === id);
      expect(found?.method, id).to.equal(route.method);
      expect(found?.path, id).to.equal(route.path.replace(/:(\w+)/g, '{$1}'));
      expect(found?.operation.summary, id).to.equal(route.summary);
    }
  });

  it('has no reference that leads nowhere, and no component that nobody refers to', () => {
    const targets = [...objects.values()]
      .map((object) => object['$ref'])
      .filter((ref) => typeof ref === 'string');
    expect(targets.length).to.be.greaterThan(50);
    expect(targets.filter((ref) => !objects.has(ref))).to.deep.equal([]);
    const schemas = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect(schemas.filter((at) => !targets.includes(at))).to.deep.equal([]);
  });

  it('has every schema of a body or an answer as a component', () => {
    const inline = [...objects].filter(
      ([at, object]) =>
        /^#\/paths\/~1v1.*\/application~1json\/schema$/.test(at) && object['$ref'] === undefined,
    );
    expect(inline.map(([at]) => at)).to.deep.equal([]);
    expect(Object.keys(document.components.schemas)).to.include.members([
      'Session',
      'SessionDetail',
      'Order',
      'OrderRequest',
      'Receipt',
      'LockEntry',
      'AuditRecord',
      'Policy',
      'PolicySettings',
      'Node',
      'Problem',
      'Readiness',
      'SessionsListAnswer',
      'LocksBreakRequest',
    ]);
  });

  it('declares what paths, queries and headers take', () => {
    for (const [id, route] of routes) {
      const parameters = operationOf(id).parameters ?? [];
      const names = (place: string) => parameters.filter((one) => one.in === place).map(({ name }) => name);
      expect(names('path'), id).to.have.members([...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]));
      expect(names('query'), id).to.have.members(Object.keys(route.query?.shape ?? {}));
      expect(
        parameters.every((one) => one.in !== 'path' || one.required),
        id,
      ).to.equal(true);
      expect(parameters.find(({ name }) => name === 'cursor')?.schema['pattern'], id).to.equal(undefined);
      expect(operationOf(id).requestBody !== undefined, id).to.equal(route.body !== undefined);
    }
    expect(headersOf('orders.create')).to.deep.equal([['Idempotency-Key', false]]);
    expect(headersOf('locks.break')).to.deep.equal([['Idempotency-Key', false]]);
    expect(headersOf('policy.set')).to.deep.equal([['If-Match', true]]);
    expect(headersOf('locks.check')).to.deep.equal([]);
  });

  it('[I2] [I6] says who may call, and that refusals are problems', () => {
    for (const [id, route] of routes) {
      const { security, responses, description } = operationOf(id);
      expect(security, id).to.deep.equal([{ bearer: [] }]);
      for (const role of ROLES)
        expect(description.includes(role), `${id} ${role}`).to.equal(allows(id, [role]));
      const statuses = Object.keys(responses).map(Number);
      expect(statuses, id).to.include.members([
        ...Object.keys(route.answers).map(Number),
        400,
        401,
        403,
        429,
        503,
      ]);
      for (const status of statuses.filter((one) => one >= 400)) {
        expect(responses[status], id).to.deep.equal({ $ref: '#/components/responses/Problem' });
      }
    }
    expect(Object.keys(operationOf('policy.set').responses)).to.include.members(['412', '413', '415']);
    expect(Object.keys(operationOf('orders.cancel').responses)).to.include.members(['404', '409']);
  });

  it('[A4] knows every setting and all it may be', () => {
    const { properties, required } = document.components.schemas['PolicySettings'] as {
      properties: Record<string, { enum?: unknown }>;
      required: unknown;
    };
    expect(required).to.have.members(Object.keys(POLICY_RANGES));
    for (const [name, allowed] of Object.entries(POLICY_RANGES)) {
      if (Array.isArray(allowed)) expect(properties[name]?.enum, name).to.deep.equal(allowed);
    }
  });

  it('is served to everybody, and sent again only when it changed', async () => {
    const { url } = await stubs.serve();
    const got = await send<Document>(`${url}/openapi.json`);
    expect(got.headers.get('cache-control')).to.equal('public, max-age=300');
    expect(got.body).to.deep.equal({ ...document, servers: [{ url: '/' }] });
    const tag = got.headers.get('etag') ?? '';
    const again = await send(`${url}/openapi.json`, { headers: { 'If-None-Match': tag } });
    expect([again.status, again.body]).to.deep.equal([304, '']);
    expect((await send(`${url}/openapi.json`, { headers: { 'If-None-Match': '"old"' } })).status).to.equal(
      200,
    );
  });
});
