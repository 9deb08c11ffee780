import { gzipSync } from 'node:zlib';
import { LastcallError } from '@lastcall/shared';
import { expect } from 'chai';
import { expectProblem, send } from './support/http.js';
import { ask, bearer, type Served, useStubs } from './support/http-app.js';
import { claims, forge, seconds } from './support/tokens.js';

const T = '/v1/tenants/acme';
const JSON_BODY = { ...bearer(), 'Content-Type': 'application/json' };
const CHECK = { resource: 'invoices/7', fence: 1 };

/** A right body, padded to a size. */
const padded = (bytes: number) => JSON.stringify(CHECK).padEnd(bytes, ' ');
/** What core does while the store is away. */
const away = () => Promise.reject(new LastcallError('unavailable', 'Try again.', { retryAfterMs: 2_000 }));

describe('http: what is refused', () => {
  const stubs = useStubs();
  let url: string;
  let app: Served;
  let reached = 0;

  before(async () => {
    const locks = {
      check: () => {
        reached += 1;
        return Promise.resolve({ valid: true });
      },
    };
    app = await stubs.serve({ core: { locks } });
    url = app.url;
  });
  beforeEach(() => {
    reached = 0;
  });

  const post = (body: RequestInit['body'], headers: Record<string, string> = JSON_BODY) =>
    send(`${url}${T}/locks/check`, { method: 'POST', headers, body: body ?? null });

  describe('[I1] sign-in', () => {
    it('needs a token, in the header that is for it', async () => {
      for (const headers of [
        {},
        { Authorization: 'Basic YTpi' },
        { Authorization: 'Bearer' },
        { Cookie: 'token=x' },
      ]) {
        const got = await send(`${url}${T}/sessions`, { headers: headers as Record<string, string> });
        expect(expectProblem(got)).to.include({ code: 'unauthenticated', status: 401 });
        expect(got.headers.get('www-authenticate')).to.equal('Bearer realm="lastcall"');
      }
    });

    it('tells a token that expired from one that is wrong', async () => {
      const expired = forge(claims({ exp: seconds() - 60 }));
      const got = await send(`${url}${T}/sessions`, { headers: { Authorization: `Bearer ${expired}` } });
      expect(expectProblem(got).code).to.equal('token_expired');
      expect(got.headers.get('www-authenticate')).to.equal('Bearer realm="lastcall", error="invalid_token"');
    });

    it('S07 takes no token from an address, not even beside a right one, and logs none', async () => {
      const token = bearer().Authorization.slice('Bearer '.length);
      for (const name of ['token', 'access_token', 'jwt']) {
        const problem = expectProblem(
          await send(`${url}${T}/sessions?${name}=${token}`, { headers: bearer() }),
        );
        expect(problem.code).to.equal('unauthenticated');
        expect(problem.detail).to.match(/address.*Authorization: Bearer/);
      }
      await send(`${url}/nowhere?token=${token}`);
      expect(app.log.join('')).not.to.include(token.slice(0, 20));
      expect(app.log.join('')).to.include(`"path":"${T}/sessions"`);
    });

    it('[I5] makes who sends wrong tokens wait, and nobody else at that address; expired ones do not count', async () => {
      const { url: limited } = await stubs.serve({ env: { FAILED_HANDSHAKES_PER_MINUTE: '3' } });
      const expired = `Bearer ${forge(claims({ exp: seconds() - 60 }))}`;
      const status = async (Authorization: string) =>
        (await send(`${limited}/v1/nodes`, { headers: { Authorization } })).status;
      for (let i = 0; i < 5; i += 1) expect(await status(expired)).to.equal(401);
      for (let i = 0; i < 3; i += 1) expect(await status('Bearer x.y.z')).to.equal(401);
      const got = await send(`${limited}/v1/nodes`, { headers: { Authorization: 'Bearer x.y.z' } });
      expect(expectProblem(got).retryAfterMs).to.be.within(1, 60_000);
      expect(got.status).to.equal(429);
      expect(Number(got.headers.get('retry-after'))).to.be.within(1, 60);
      const good = `Bearer ${forge(claims({ roles: ['operator'] }))}`;
      expect(await status(good)).not.to.be.oneOf([401, 429]);
    });
  });

  describe('[I6] S56 addresses and methods', () => {
    it('answers what is not there with 404', async () => {
      for (const path of [
        '/nope',
        '/v1',
        '/v1/tenants/acme/nope',
        '/V1/nodes',
        '/dev/token',
        '/demo/',
        '/console/nope',
      ]) {
        expect(expectProblem(await send(url + path)), path).to.include({ code: 'not_found', status: 404 });
      }
    });

    it('answers other methods with 405 and those there are', async () => {
      const wrong: readonly [method: string, path: string, allow: string][] = [
        ['PATCH', `${T}/orders`, 'GET, POST, HEAD, OPTIONS'],
        ['DELETE', `${T}/sessions`, 'GET, HEAD, OPTIONS'],
        ['GET', `${T}/sessions/check`, 'POST, OPTIONS'],
        ['POST', `${T}/sessions/01970000-0000-7000-8000-000000000001`, 'GET, HEAD, OPTIONS'],
        ['POST', '/livez', 'GET, HEAD, OPTIONS'],
        ['PUT', '/openapi.json', 'GET, HEAD, OPTIONS'],
        ['POST', '/', 'GET, HEAD, OPTIONS'],
      ];
      for (const [method, path, allow] of wrong) {
        const got = await send(url + path, { method });
        expect(got.headers.get('allow'), `${method} ${path}`).to.equal(allow);
        expect(expectProblem(got)).to.include({ status: 405, code: 'invalid' });
        const options = await send(url + path, { method: 'OPTIONS' });
        expect([options.status, options.headers.get('allow')]).to.deep.equal([204, allow]);
      }
      expect((await send(`${url}/livez`, { method: 'HEAD' })).status).to.equal(200);
    });

    it('answers what cannot be an address, a tenant, an id or a query', async () => {
      const wrong: readonly [path: string, at: string | undefined][] = [
        ['/v1/tenants/%zz/policy', undefined],
        ['/v1/tenants/ACME/policy', 'tenant'],
        ['/v1/tenants/%7Bx%7D/policy', 'tenant'],
        [`${T}/orders/check`, 'id'],
        [`${T}/sessions?limit=0`, 'limit'],
        [`${T}/sessions?limit=1&limit=2`, 'limit'],
        [`${T}/sessions?surprise=1`, 'surprise'],
        [`${T}/sessions?__proto__=1`, ''],
        [`${T}/sessions?user[id]=1`, 'user[id]'],
        [`${T}/sessions?cursor=1795349621000`, 'cursor'],
        [`${T}/sessions?cursor=${Buffer.from('+inf').toString('base64url')}`, 'cursor'],
        [`${T}/sessions?cursor=%2B%2F%3D`, 'cursor'],
        [`${T}/sessions?cursor=`, 'cursor'],
        [`${T}/locks?cursor=${Buffer.from('a b').toString('base64url')}`, 'cursor'],
        [`${T}/policy?verbose=1`, 'query'],
      ];
      for (const [path, at] of wrong) {
        const problem = expectProblem(await send(url + path, { headers: bearer(['operator']) }));
        expect(problem, path).to.include({ code: 'invalid', status: 400 });
        expect(problem.issues?.[0]?.path, path).to.equal(at);
      }
    });
  });

  describe('[P8] bodies', () => {
    it('must be JSON in UTF-8, not compressed', async () => {
      const types = [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'application/json-seq',
        '',
      ];
      for (const type of types) {
        const got = await ask(`${url}${T}/locks/check`, {
          method: 'POST',
          headers: { ...bearer(), 'Content-Type': type },
          body: JSON.stringify(CHECK),
        });
        expect(got.status, type).to.equal(415);
        expect(JSON.parse(got.text), type).to.include({ code: 'invalid', status: 415 });
      }
      const zipped = await post(gzipSync(JSON.stringify(CHECK)), {
        ...JSON_BODY,
        'Content-Encoding': 'gzip',
      });
      expect(expectProblem(zipped).status).to.equal(415);
      const latin = await post(JSON.stringify(CHECK), {
        ...bearer(),
        'Content-Type': 'application/json; charset=latin1',
      });
      expect(expectProblem(latin).status).to.equal(415);
      expect(reached).to.equal(0);
    });

    it('H23 S34 that are malformed, too deep, too wide or of wrong types reach no handler', async () => {
      const wide = Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [`k${i}`, 1]));
      const wrong = [
        undefined,
        '',
        '{',
        '{"resource":"a","fence":1',
        'null',
        'true',
        '"x"',
        '7',
        '[]',
        '{}',
        '[[1]]',
        'NaN',
        '\u0000',
        '[1,2',
        `${'['.repeat(1_000)}${']'.repeat(1_000)}`,
        `{"a":${'{"a":'.repeat(1_000)}1${'}'.repeat(1_001)}`,
        JSON.stringify(wide),
        '{"__proto__":{"resource":"a"},"fence":1}',
        '{"resource":"a","fence":1,"constructor":{"prototype":{}}}',
        ...[null, '1', -1, 0.5, 2 ** 53, [], {}, true].map((fence) => JSON.stringify({ ...CHECK, fence })),
        ...[null, '', '/', 'a//b', 'a b', '{x}', 7, [], {}].map((resource) =>
          JSON.stringify({ ...CHECK, resource }),
        ),
        JSON.stringify({ ...CHECK, more: 1 }),
      ];
      for (const body of wrong) {
        const problem = expectProblem(await post(body));
        expect(problem, body?.slice(0, 60)).to.include({ code: 'invalid', status: 400 });
      }
      expect(reached).to.equal(0);
      expect((await post(JSON.stringify(CHECK))).body).to.deep.equal({ valid: true });
      expect(reached).to.equal(1);
    });

    it('S33 may have 64 KB and not one byte more', async () => {
      expect((await post(padded(65_536))).status).to.equal(200);
      const got = await post(padded(65_537));
      expect(expectProblem(got)).to.include({ code: 'too_large', status: 413 });
      expect(got.headers.get('connection')).to.equal('close');
      expect(reached).to.equal(1);
      const { url: small } = await stubs.serve({ env: { MAX_PAYLOAD_BYTES: '4096' } });
      const init = { method: 'POST', headers: JSON_BODY, body: padded(4_097) };
      expect((await send(`${small}${T}/locks/check`, init)).status).to.equal(413);
    });

    it('are not read of those who are not let in', async () => {
      const got = await post('{', { 'Content-Type': 'application/json' });
      expect(got.status).to.equal(401);
      expect((await post('{', { ...bearer(['user']), 'Content-Type': 'application/json' })).status).to.equal(
        403,
      );
    });
  });

  describe('[I6] S50 faults', () => {
    it('tell nothing of the inside, and are logged once', async () => {
      const nodes = {
        list: () => {
          throw new TypeError('secret of the inside');
        },
      };
      const { url: faulty, log } = await stubs.serve({ core: { nodes } });
      const got = await send(`${faulty}/v1/nodes`, { headers: bearer(['operator']) });
      const problem = expectProblem(got);
      expect(problem).to.include({ code: 'unavailable', status: 500 });
      expect(JSON.stringify(problem)).not.to.include('secret');
      const lines = log.filter((line) => line.includes('secret of the inside'));
      expect(lines).to.have.length(1);
      const line = JSON.parse(lines[0] ?? '{}') as Record<string, unknown>;
      expect(line).to.include({ level: 'error', status: 500, path: '/v1/nodes' });
      expect(line['requestId']).to.equal(got.headers.get('x-request-id'));
    });

    it('[P6] a store that is away is 503, with when to come again', async () => {
      const { url: cut } = await stubs.serve({ core: { policies: { get: away }, audit: { note: away } } });
      const got = await send(`${cut}${T}/policy`, { headers: bearer() });
      expect(expectProblem(got)).to.include({ code: 'unavailable', status: 503, retryAfterMs: 2_000 });
      expect(got.headers.get('retry-after')).to.equal('2');
      // S51: who may not is refused, also when that cannot be written down.
      expect((await send(`${cut}${T}/policy`, { headers: bearer(['user']) })).status).to.equal(403);
    });
  });
});
