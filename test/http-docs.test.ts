import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ERRORS } from '@lastcall/shared';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { expect } from 'chai';
import express from 'express';
import { createRouter } from 'lastcall/internal/http/app.js';
import { buildAsyncApi } from 'lastcall/internal/http/asyncapi.js';
import { buildOpenApi } from 'lastcall/internal/http/openapi.js';
import { ADMIN_PUSHES, CLIENT_CALLS, CLIENT_PUSHES, ROUTES } from 'lastcall/internal/schema/index.js';
import { send } from './support/http.js';
import { stubParts, useStubs } from './support/http-app.js';

type Json = Record<string, unknown>;
const copy = (document: object): Json => JSON.parse(JSON.stringify(document)) as Json;

/** Every reference of a document that leads nowhere in it. */
function danglingIn(document: Json): string[] {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"(#[^"]+)"/g)].map(([, ref = '']) => ref);
  expect(refs.length).to.be.greaterThan(50);
  return refs.filter((ref) => {
    const keys = ref.slice(2).split('/');
    return keys.reduce<unknown>((at, key) => (at as Json | undefined)?.[key], document) === undefined;
  });
}

describe('http: the documents of the API', () => {
  const stubs = useStubs();

  describe('[A24] by their public validators', () => {
    it('the OpenAPI document is valid, and a broken one is not', async () => {
      const validator = new Validator();
      const good = await validator.validate(copy(buildOpenApi()));
      expect(good.errors ?? []).to.deep.equal([]);
      expect(good.valid).to.equal(true);
      expect(validator.version).to.equal('3.1');
      const broken = { ...copy(buildOpenApi()), paths: { livez: { get: { responses: [] } } } };
      expect((await new Validator().validate(broken)).valid).to.equal(false);
    });

    it('the AsyncAPI document is valid, and a broken one is not', () => {
      const path = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0-without-$id.json');
      const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
      formats.default(ajv);
      const check = ajv.compile(JSON.parse(readFileSync(path, 'utf8')) as Json);
      check(copy(buildAsyncApi()));
      expect(check.errors ?? []).to.deep.equal([]);
      const { channels: _channels, ...rest } = copy(buildAsyncApi());
      expect(check({ ...rest, operations: { odd: { action: 'shout' } } })).to.equal(false);
    });
  });

  it('[A24] the AsyncAPI document has every event of both channels, and no reference that leads nowhere', () => {
    const document = buildAsyncApi();
    expect(danglingIn(copy(document))).to.deep.equal([]);
    const named = (id: 'client' | 'admin') =>
      Object.values(document.channels[id].messages)
        .map(({ name }) => name)
        .filter((name) => !name.includes('.'));
    const client = [...Object.keys(CLIENT_CALLS), ...Object.keys(CLIENT_PUSHES)];
    expect(named('client')).to.have.members([...client, 'connect', 'connect_error']);
    expect(named('admin')).to.have.members([...Object.keys(ADMIN_PUSHES), 'connect', 'connect_error']);
    const used = JSON.stringify(document);
    const unused = Object.keys(document.components.schemas).filter(
      (name) => !used.includes(`"#/components/schemas/${name}"`),
    );
    expect(unused).to.deep.equal([]);
  });

  it('[A24] is served, and sent again only when it changed', async () => {
    const { url } = await stubs.serve();
    const got = await send<Json>(`${url}/asyncapi.json`);
    expect(got.body).to.deep.equal(copy(buildAsyncApi()));
    const tag = got.headers.get('etag') ?? '';
    const again = await send(`${url}/asyncapi.json`, { headers: { 'If-None-Match': tag } });
    expect([again.status, again.body]).to.deep.equal([304, '']);
  });

  describe('[A25] the page at /docs', () => {
    it('has every call, event, error and schema, and no link that leads nowhere', async () => {
      const { url } = await stubs.serve();
      const { status, body } = await send<string>(`${url}/docs`);
      expect(status).to.equal(200);
      const ids = [...body.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id);
      expect(new Set(ids).size, 'each once').to.equal(ids.length);
      const links = [...body.matchAll(/ href="#([^"]+)"/g)].map(([, id = '']) => id);
      expect(links.length).to.be.greaterThan(200);
      const there = new Set(ids);
      expect(links.filter((id) => !there.has(id))).to.deep.equal([]);
      const wanted = [
        ...Object.keys(ROUTES).map((id) => `call-${id}`),
        ...['livez', 'readyz', 'metrics', 'openapi', 'asyncapi', 'docs'].map((id) => `call-${id}`),
        ...[...Object.keys(CLIENT_CALLS), ...Object.keys(CLIENT_PUSHES)].map(
          (event) => `client-${event.replaceAll(':', '-')}`,
        ),
        ...Object.keys(ADMIN_PUSHES).map((event) => `admin-${event.replaceAll(':', '-')}`),
      ];
      expect(wanted.filter((id) => !there.has(id))).to.deep.equal([]);
      for (const code of Object.keys(ERRORS)) expect(body).to.include(`<code>${code}</code>`);
      expect(body).not.to.match(/undefined|\[object/);
    });

    it('runs nothing, takes nothing from elsewhere, and is framed by nobody', async () => {
      const { url } = await stubs.serve();
      const { headers, body } = await send<string>(`${url}/docs`);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).to.include("default-src 'none'").and.to.include("frame-ancestors 'none'");
      const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? '-';
      expect(policy).not.to.match(/unsafe|script-src|https?:|\*/);
      expect(body).to.include(`<style nonce="${nonce}">`);
      expect(body).not.to.match(/<script|<link|<img|<iframe|style="|\son\w+="|url\(|href="(?:https?:|\/\/)/);
      const second = await send<string>(`${url}/docs`);
      expect(second.headers.get('content-security-policy')).not.to.equal(policy);
    });

    it('is found below a path of an application, like its documents', async () => {
      const app = express().use('/lastcall', createRouter(stubParts().parts));
      const { url } = await stubs.app(app);
      const { body } = await send<string>(`${url}/lastcall/docs`);
      const links = [...body.matchAll(/ href="(\/[^"]+)"/g)].map(([, href = '']) => href);
      expect(links).to.deep.equal(['/lastcall/openapi.json', '/lastcall/asyncapi.json']);
      for (const href of links) expect((await send(`${url}${href}`)).status).to.equal(200);
      expect((await send(`${url}/lastcall/docs`, { method: 'POST' })).status).to.equal(405);
    });
  });
});
