import { expect } from 'chai';
import { createVerifier } from 'lastcall/internal/auth/index.js';
import { freshTenant, TestBroker } from './support/broker.js';
import { type Got, send } from './support/http.js';
import { AUDIENCE, ISSUER, LOGOUT_EVENT, logoutToken } from './support/logout.js';
import { claims, forge, hmac, type Json, refusal, seconds, VERIFIER_OPTIONS } from './support/tokens.js';
import { waitUntil } from './support/wait.js';

type Answer = Got<{ error?: string; error_description?: string; code?: string }>;

function expectRefused(answer: Answer, description: RegExp): void {
  expect(answer.status, JSON.stringify(answer.body)).to.equal(400);
  expect(answer.headers.get('cache-control')).to.equal('no-store');
  expect(answer.body).to.have.all.keys('error', 'error_description');
  expect(answer.body.error).to.equal('invalid_request');
  expect(answer.body.error_description).to.match(description);
}

describe('back-channel logout', () => {
  let broker: TestBroker;
  let tenant: string;

  before(async () => {
    broker = await TestBroker.start({ env: { JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE } });
  });
  after(() => broker.close());
  beforeEach(() => {
    tenant = freshTenant();
  });

  /** What an identity provider does. */
  function post(token: string, of = tenant, more: RequestInit = {}): Promise<Answer> {
    return send(`${broker.url}/v1/tenants/${of}/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
      ...more,
    });
  }

  /** A session whose sign-in token has these claims besides. */
  async function session(sub: string, more: Json = {}, of = tenant) {
    const token = forge(claims({ sub, tenant: of, iss: ISSUER, aud: AUDIENCE, ...more }));
    return await broker.connect(of, sub, { token });
  }

  const stateOf = async (sessionId: string, of = tenant): Promise<string> =>
    (await broker.core.sessions.get(of, sessionId)).state;

  it('[W7] ends every session of the person in that tenant, at once, as revoked, and nobody else’s', async () => {
    const other = freshTenant();
    const [one, two, grace, elsewhere] = [
      await session('ada'),
      await session('ada'),
      await session('grace'),
      await session('ada', {}, other),
    ];
    await one.acquire('invoices/7');
    const answer = await post(logoutToken());
    expect([answer.status, answer.body]).to.deep.equal([200, '']);
    expect(answer.headers.get('cache-control')).to.equal('no-store');
    for (const client of [one, two]) {
      expect(await client.saw('logoff')).to.include({ reason: 'revoked' });
      const { ended, locks } = await broker.core.sessions.get(tenant, client.sessionId);
      expect(ended).to.deep.include({
        reason: 'revoked',
        by: { kind: 'system', id: ISSUER, name: 'identity provider' },
      });
      expect(locks).to.equal(0);
    }
    expect(await stateOf(grace.sessionId)).to.equal('active');
    expect(await stateOf(elsewhere.sessionId, other)).to.equal('active');
    const isVerified = async () =>
      (await broker.core.audit.list(tenant, { type: 'session.verified' }, { limit: 5 })).items.length === 2;
    await waitUntil(isVerified, 'both ends to be verified');
    const { items } = await broker.core.audit.list(tenant, { type: 'session.ended' }, { limit: 5 });
    expect(items.map(({ reason, by }) => [reason, by.id])).to.deep.equal([
      ['revoked', ISSUER],
      ['revoked', ISSUER],
    ]);
  });

  it('[W7] with `sid` ends the sessions of that sign-in, and those that do not tell theirs', async () => {
    const laptop = await session('ada', { sid: 'sign-in-1' });
    const phone = await session('ada', { sid: 'sign-in-2' });
    const unknown = await session('ada');
    expect((await post(logoutToken({ sid: 'sign-in-1' }))).status).to.equal(200);
    expect(await stateOf(laptop.sessionId)).to.equal('ended');
    expect(await stateOf(unknown.sessionId)).to.equal('ended');
    expect(await stateOf(phone.sessionId)).to.equal('active');
  });

  it('[W7] ends hundreds of sessions in bounded steps, and is content with none', async () => {
    const identity = {
      tenant,
      user: { id: 'ada', name: 'Ada', roles: ['user'] },
      issuedAt: Date.now(),
      expiresAt: Date.now() + 3_600_000,
    };
    for (let i = 0; i < 130; i += 1) {
      const signIn = i % 2 === 0 ? 'even' : 'odd';
      await broker.core.sessions.open({ ...identity, signIn }, { address: '192.0.2.1' });
    }
    expect((await post(logoutToken({ sid: 'even' }))).status).to.equal(200);
    expect(await broker.core.sessions.count(tenant)).to.equal(65);
    expect((await post(logoutToken())).status).to.equal(200);
    expect(await broker.core.sessions.count(tenant)).to.equal(0);
    expect((await post(logoutToken({ sub: 'nobody' }))).status).to.equal(200);
  });

  it('[W8] takes a token once, and records the second time', async () => {
    const token = logoutToken();
    expect((await post(token)).status).to.equal(200);
    const ada = await session('ada');
    expectRefused(await post(token), /used before/);
    expect(await stateOf(ada.sessionId)).to.equal('active');
    const { items } = await broker.core.audit.list(tenant, { type: 'access.denied' }, { limit: 5 });
    expect(items).to.have.length(1);
    expect(items[0]?.by).to.deep.equal({ kind: 'system', id: ISSUER });
    expect(items[0]?.details).to.deep.equal({ action: 'backchannel-logout', user: 'ada' });
  });

  it('[W8] [P7] takes a token that names its tenant there only', async () => {
    const other = freshTenant();
    const ada = await session('ada');
    expectRefused(await post(logoutToken({ tenant: other })), /another tenant/);
    expect(await stateOf(ada.sessionId)).to.equal('active');
    expect(
      (await broker.core.audit.list(tenant, { type: 'access.denied' }, { limit: 5 })).items,
    ).to.have.length(0);
    expect(
      (await broker.core.audit.list(other, { type: 'access.denied' }, { limit: 5 })).items,
    ).to.have.length(1);
    expect((await post(logoutToken({ tenant }))).status).to.equal(200);
    expect(await stateOf(ada.sessionId)).to.equal('ended');
  });

  it('[W8] accepts every kind of right token', async () => {
    const right: readonly [Json, Json][] = [
      [{}, { typ: 'logout+jwt' }],
      [{}, { typ: 'application/logout+jwt' }],
      [{}, { typ: undefined }],
      [{}, { typ: 'JWT' }],
      [{ exp: undefined }, {}],
      [{ aud: ['somebody', AUDIENCE] }, {}],
      [{ events: { [LOGOUT_EVENT]: {}, 'https://example.com/other': {} } }, {}],
    ];
    for (const [said, header] of right) {
      const ada = await session('ada');
      expect((await post(logoutToken(said, header))).status, JSON.stringify([said, header])).to.equal(200);
      expect(await stateOf(ada.sessionId)).to.equal('ended');
    }
  });

  it('[W8] refuses every kind of wrong token, and ends nobody', async () => {
    const ada = await session('ada');
    const wrong: readonly [string, string, RegExp][] = [
      ['type of another token', logoutToken({}, { typ: 'at+jwt' }), /not made for this/],
      [
        'a sign-in token',
        forge(claims({ tenant, iss: ISSUER, aud: AUDIENCE, jti: 'x' })),
        /"events" is missing/,
      ],
      ['nonce', logoutToken({ nonce: 'n' }), /nonce/],
      ['audience', logoutToken({ aud: 'somebody' }), /"aud" is not accepted/],
      ['no audience', logoutToken({ aud: undefined }), /"aud" is missing/],
      ['issuer', logoutToken({ iss: 'https://evil.example/' }), /"iss" is not accepted/],
      ['expired', logoutToken({ exp: seconds() - 60 }), /expired/],
      ['old', logoutToken({ iat: seconds() - 600, exp: undefined }), /expired/],
      [
        'of tomorrow',
        logoutToken({ iat: seconds() + 86_400, exp: seconds() + 90_000 }),
        /"iat" is not accepted/,
      ],
      ['no instant', logoutToken({ iat: undefined }), /"iat" is missing/],
      ['no id', logoutToken({ jti: undefined }), /"jti" is missing/],
      ['an empty id', logoutToken({ jti: '' }), /"jti"/],
      ['nobody', logoutToken({ sub: undefined, sid: 'sign-in-1' }), /name the person/],
      ['a strange sign-in', logoutToken({ sid: { a: 1 } }), /"sid"/],
      [
        'events without the logout',
        logoutToken({ events: { 'https://example.com/other': {} } }),
        /no back-channel/,
      ],
      ['events as a list', logoutToken({ events: [LOGOUT_EVENT] }), /no back-channel/],
      ['an event that is no object', logoutToken({ events: { [LOGOUT_EVENT]: true } }), /no back-channel/],
      [
        'another key',
        forge({ ...claims(), iss: ISSUER, aud: AUDIENCE }, {}, hmac('x'.repeat(32))),
        /cannot be verified/,
      ],
      ['no signature', logoutToken({}, { alg: 'none' }).replace(/[^.]*$/, ''), /cannot be verified/],
      ['its own key', logoutToken({}, { jwk: {} }), /its own key/],
      ['no token', 'hello', /not a JWT/],
      ['a strange tenant', logoutToken({ tenant: 7 }), /must name a tenant/],
    ];
    for (const [what, token, description] of wrong) {
      await post(token)
        .then((answer) => expectRefused(answer, description))
        .catch((error: unknown) => {
          throw new Error(`${what}: ${String(error)}`);
        });
    }
    expect(await stateOf(ada.sessionId)).to.equal('active');
  });

  it('[W8] [P8] refuses what is no form with a token, and other methods', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const bodies: readonly [RequestInit, RegExp][] = [
      [
        { body: JSON.stringify({ logout_token: 'x' }), headers: { 'content-type': 'application/json' } },
        /as a form/,
      ],
      [{ body: '', headers: form }, /as a form|logout_token/],
      [{ body: 'token=x', headers: form }, /logout_token/],
      [{ body: 'logout_token=a&logout_token=b', headers: form }, /logout_token/],
      [{ body: '__proto__=1&logout_token=', headers: form }, /logout_token|__proto__/],
    ];
    for (const [init, description] of bodies) expectRefused(await post('', tenant, init), description);
    const url = `${broker.url}/v1/tenants/${tenant}/backchannel-logout`;
    expectRefused(
      await send(`${url}?logout_token=x`, { method: 'POST', body: new URLSearchParams() }),
      /query/,
    );
    expectRefused(await post(logoutToken(), 'No Tenant'), /tenant/);
    expect((await post('x'.repeat(100_000))).status).to.equal(413);
    expect((await post('', tenant, { body: 'a=1&'.repeat(100), headers: form })).status).to.equal(413);
    expect((await send(url)).status).to.equal(405);
  });

  it('[W8] [I5] refuses an address after too many failures, and lets right tokens of others through', async () => {
    const strict = await TestBroker.start({
      env: { JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE, FAILED_HANDSHAKES_PER_MINUTE: '3' },
    });
    try {
      const url = `${strict.url}/v1/tenants/${tenant}/backchannel-logout`;
      const statuses: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        const body = new URLSearchParams({ logout_token: i === 0 ? logoutToken() : 'forged' });
        statuses.push((await send(url, { method: 'POST', body })).status);
      }
      expect(statuses.slice(0, 4)).to.deep.equal([200, 400, 400, 400]);
      expect(statuses[4]).to.equal(429);
    } finally {
      await strict.close();
    }
  });

  it('[W8] [I1] logout tokens sign nobody in, even without a type', async () => {
    const verifier = createVerifier(VERIFIER_OPTIONS);
    const said = claims({ events: { [LOGOUT_EVENT]: {} } });
    for (const header of [{ typ: 'logout+jwt' }, { typ: undefined }, { typ: 'JWT' }]) {
      expect((await refusal(verifier.verify(forge(said, header)))).code).to.equal('unauthenticated');
    }
    expect(await verifier.verify(forge(claims({ sid: 'a' })))).to.include({ signIn: 'a' });
    for (const sid of [7, '', 'x'.repeat(300), 'a\nb', null]) {
      expect(await verifier.verify(forge(claims({ sid })))).not.to.have.property('signIn');
    }
  });
});
