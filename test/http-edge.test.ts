import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import express from 'express';
import { mintToken } from 'lastcall/internal/auth/index.js';
import { createRouter } from 'lastcall/internal/http/app.js';
import { expectProblem, send } from './support/http.js';
import { ask, bearer, type StubOptions, stubParts, useStubs } from './support/http-app.js';
import { SECRET } from './support/tokens.js';

const nodes = { list: () => [] };
const OPERATOR = bearer(['operator']);
const PAGE = 'https://app.example.com';

describe('http: headers', () => {
  const stubs = useStubs();

  it('S59 answers of the API are kept by nobody and can do nothing in a browser', async () => {
    const { url } = await stubs.serve({ core: { nodes } });
    for (const path of ['/v1/nodes', '/v1/tenants', '/nope', '/livez']) {
      const { headers } = await send(url + path, { headers: OPERATOR });
      expect(headers.get('cache-control'), path).to.equal('no-store');
      expect(headers.get('content-security-policy')).to.equal("default-src 'none';frame-ancestors 'none'");
      expect(headers.get('x-content-type-options')).to.equal('nosniff');
      expect(headers.get('x-frame-options')).to.equal('DENY');
      expect(headers.get('referrer-policy')).to.equal('no-referrer');
      expect(headers.get('x-request-id')).to.match(/^[\da-f-]{36}$/);
      for (const name of [
        'x-powered-by',
        'access-control-allow-origin',
        'strict-transport-security',
        'etag',
      ]) {
        expect(headers.get(name), name).to.equal(null);
      }
    }
  });

  it('one line is logged per request, by level, without its query', async () => {
    const { url, log } = await stubs.serve({ core: { nodes } });
    await send(`${url}/v1/nodes`, { headers: OPERATOR });
    await send(`${url}/nope?user=ada`);
    const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ level, method, path, status }) => [level, method, path, status])).to.deep.equal([
      ['debug', 'GET', '/v1/nodes', 200],
      ['info', 'GET', '/nope', 404],
    ]);
    expect(Object.keys(lines[0] ?? {}).toSorted()).to.deep.equal(
      ['address', 'level', 'method', 'msg', 'path', 'requestId', 'status', 'time', 'tookMs'].toSorted(),
    );
  });

  it('[I4] pages of the origins that are allowed may call, and no others', async () => {
    const { url } = await stubs.serve({ core: { nodes }, env: { ALLOWED_ORIGINS: PAGE } });
    const preflight = (Origin: string) =>
      ask(`${url}/v1/nodes`, {
        method: 'OPTIONS',
        headers: { Origin, 'Access-Control-Request-Method': 'PUT' },
      });
    const allowed = await preflight(PAGE);
    expect(allowed.status).to.equal(204);
    expect(allowed.headers).to.include({
      'access-control-allow-origin': PAGE,
      'access-control-max-age': '600',
    });
    expect(allowed.headers['access-control-allow-headers']).to.match(
      /Authorization.*Idempotency-Key.*If-Match/,
    );
    expect(allowed.headers).not.to.have.property('access-control-allow-credentials');
    for (const origin of [
      `${PAGE}.evil.example`,
      'https://evil.example',
      'null',
      'http://app.example.com',
      `${PAGE}:444`,
    ]) {
      expect((await preflight(origin)).headers, origin).not.to.have.property('access-control-allow-origin');
      const got = await ask(`${url}/v1/nodes`, { headers: { ...OPERATOR, Origin: origin } });
      expect(got.headers, origin).not.to.have.property('access-control-allow-origin');
      expect(got.headers['vary']).to.equal('Origin');
    }
    const got = await ask(`${url}/v1/nodes`, { headers: { ...OPERATOR, Origin: PAGE } });
    expect(got.headers['access-control-expose-headers']).to.include('ETag');
    expect(got.headers['cross-origin-resource-policy']).to.equal('cross-origin');
  });

  it('the page at / runs nothing, is framed by nobody and connects to its own server only', async () => {
    const { url } = await stubs.serve();
    const host = new URL(url).host;
    const first = await send<string>(url);
    const policy = first.headers.get('content-security-policy') ?? '';
    expect(policy).to.include("default-src 'self'").and.to.include("frame-ancestors 'none'");
    expect(policy).to.include(`connect-src 'self' ws://${host} wss://${host};`).and.not.to.include('unsafe');
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? 'none';
    expect(first.body).to.include(`<style nonce="${nonce}">`).and.to.include('openapi.json');
    expect(first.body).not.to.match(/<script| on\w+=| style=/);
    expect((await send(url)).headers.get('content-security-policy')).not.to.include(nonce);
    const odd = await ask(url, { headers: { Host: "x; script-src 'unsafe-inline'" } });
    expect(odd.headers['content-security-policy']).not.to.include('unsafe');
  });
});

describe('http: in an application of one’s own', () => {
  const stubs = useStubs();

  it('acts on its own paths only, below any path, after any parser', async () => {
    const { parts } = stubParts({
      core: { nodes, locks: { check: () => Promise.resolve({ valid: true }) } },
    });
    const app = express();
    app.use(express.json());
    app.get('/lc/home', (_req, res) => void res.send('home'));
    app.use('/lc', createRouter(parts));
    app.use((_req, res) => void res.status(404).send('theirs'));
    const { url } = await stubs.app(app);

    expect((await send(`${url}/lc/v1/nodes`, { headers: OPERATOR })).body).to.deep.equal({ items: [] });
    const home = await send(`${url}/lc/home`);
    expect(home.headers.get('content-security-policy')).to.equal(null);
    for (const path of ['/lc/nope', '/lc/', '/lc/demo/', '/lc/dev/token', '/v1/nodes']) {
      const got = await send(url + path);
      expect([got.status, got.body], path).to.deep.equal([404, 'theirs']);
      expect(got.headers.get('referrer-policy')).to.equal(null);
    }
    const checked = await send(`${url}/lc/v1/tenants/acme/locks/check`, {
      method: 'POST',
      headers: { ...OPERATOR, 'Content-Type': 'application/json' },
      body: JSON.stringify({ resource: 'a', fence: 1 }),
    });
    expect(checked.body).to.deep.equal({ valid: true });
    expect(expectProblem(await send(`${url}/lc/v1/nodes`)).code).to.equal('unauthenticated');
    const { body } = await send<{ servers: unknown }>(`${url}/lc/openapi.json`);
    expect(body.servers).to.deep.equal([{ url: '/lc' }]);
  });
});

describe('http: development', () => {
  const stubs = useStubs();
  let folder: string;
  let options: StubOptions;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'lastcall-demo-'));
    mkdirSync(join(folder, 'dist'));
    writeFileSync(join(folder, 'secret.txt'), 'not yours');
    writeFileSync(join(folder, 'dist', 'index.html'), '<!doctype html><title>demo</title>');
    writeFileSync(join(folder, 'dist', '.hidden'), 'not yours');
    options = {
      env: { DEV: '1' },
      mint: (claims) => mintToken(SECRET, claims),
      demoFolder: join(folder, 'dist'),
    };
  });
  after(() => rmSync(folder, { recursive: true }));

  const ADA = JSON.stringify({ sub: 'ada', tenant: 'acme', roles: ['operator'] });
  const signIn = (url: string, headers: Record<string, string> = {}, body = ADA) =>
    ask(`${url}/dev/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body,
    });

  it('signs in anybody as whom they like, on this machine', async () => {
    const { url } = await stubs.serve({ ...options, core: { nodes } });
    const { port } = new URL(url);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'localhost', '[::1]:80']) {
      const got = await signIn(url, { Host: host, Origin: `http://${host}` });
      expect(got.status, host).to.equal(200);
      const { token } = JSON.parse(got.text) as { token: string };
      const answer = await send(`${url}/v1/nodes`, { headers: { Authorization: `Bearer ${token}` } });
      expect(answer.status).to.equal(200);
    }
    for (const body of [
      '{}',
      '{"sub":"ada"}',
      '{"sub":"ada","tenant":"ACME"}',
      '{"sub":"a","tenant":"b","exp":9}',
    ]) {
      expect((await signIn(url, {}, body)).status, body).to.equal(400);
    }
    expect((await signIn(url, { 'Content-Type': 'text/plain' })).status).to.equal(415);
  });

  it('is not there for other names of this machine, proxies and foreign pages', async () => {
    const { url } = await stubs.serve(options);
    const { host } = new URL(url);
    const foreign: Record<string, string>[] = [
      { Host: 'evil.example' },
      { Host: `127.0.0.1.evil.example` },
      { Host: 'localhost.evil.example:80' },
      { Host: '0.0.0.0' },
      { Host: 'evil.example@127.0.0.1:x' },
      { 'X-Forwarded-For': '127.0.0.1' },
      { Forwarded: 'for=127.0.0.1' },
      { Via: '1.1 proxy' },
      { 'X-Real-IP': '127.0.0.1' },
      { Origin: 'https://evil.example' },
      { Origin: 'null' },
      { Origin: `http://localhost:1` },
    ];
    for (const headers of foreign) {
      const got = await signIn(url, { Host: host, ...headers });
      expect([got.status, JSON.parse(got.text)], JSON.stringify(headers)).to.deep.include(404);
      const page = await ask(`${url}/demo/`, { headers: { Host: host, ...headers } });
      expect(page.status, JSON.stringify(headers)).to.equal(404);
    }
  });

  it('S66 is not there outside of development, nor where tokens are signed elsewhere', async () => {
    const { mint: _mint, ...withoutMint } = options;
    for (const stub of [{ ...options, env: { DEV: '0' } }, withoutMint]) {
      const { url } = await stubs.serve(stub);
      expect((await signIn(url)).status).to.equal(404);
      expect((await send(`${url}/demo/`)).status).to.equal(404);
      expect((await send<string>(url)).body).not.to.include('demo');
    }
  });

  it('serves the demo, and nothing beside it', async () => {
    const { url } = await stubs.serve(options);
    const page = await send<string>(`${url}/demo/`);
    expect(page.body).to.include('<title>demo</title>');
    expect(page.headers.get('content-security-policy')).to.include("default-src 'self'");
    // One of its pages shows others of it; pages of other origins may not.
    expect(page.headers.get('content-security-policy')).to.include("frame-ancestors 'self'");
    expect((await ask(url)).headers['content-security-policy']).to.include("frame-ancestors 'none'");
    expect(page.headers.get('cache-control')).to.equal('no-cache');
    expect((await send<string>(url)).body).to.include('href="demo/"');
    expect((await ask(`${url}/demo`)).headers['location']).to.equal('/demo/');
    for (const path of [
      '/demo/.hidden',
      '/demo/nope.js',
      '/demo/..%2fsecret.txt',
      '/demo/%2e%2e/secret.txt',
    ]) {
      const got = await ask(url + path);
      expect(got.status, path).to.be.oneOf([403, 404]);
      expect(got.text, path).not.to.include('not yours');
    }
  });
});
