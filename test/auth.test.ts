import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorCode, Identity } from '@lastcall/shared';
import { expect } from 'chai';
import {
  createVerifier,
  developmentSecret,
  mintToken,
  type VerifierOptions,
} from 'lastcall/internal/auth/index.js';
import {
  claims,
  encode,
  forge,
  hmac,
  type Json,
  refusal,
  SECRET,
  seconds,
  VERIFIER_OPTIONS,
} from './support/tokens.js';

async function refused(token: string, options: Partial<VerifierOptions> = {}): Promise<ErrorCode> {
  return (await refusal(createVerifier({ ...VERIFIER_OPTIONS, ...options }).verify(token))).code;
}

async function accepted(token: string, options: Partial<VerifierOptions> = {}): Promise<Identity> {
  return createVerifier({ ...VERIFIER_OPTIONS, ...options }).verify(token);
}

const none = (header: Json) => forge(claims(), header, () => Buffer.alloc(0));

describe('identity: tokens with a shared secret', () => {
  it('gives the identity of a token', async () => {
    const exp = seconds() + 60;
    const token = forge(
      claims({ name: 'Ada Lovelace', roles: ['user', 'admin', 'user'], iat: exp - 100, exp }),
    );
    expect(await accepted(token)).to.deep.equal({
      tenant: 'acme',
      user: { id: 'ada', name: 'Ada Lovelace', roles: ['user', 'admin'] },
      issuedAt: (exp - 100) * 1_000,
      expiresAt: exp * 1_000,
    });
  });

  it('names a person by sub, makes them a user and takes a token without iat as the oldest', async () => {
    const { user, issuedAt } = await accepted(forge(claims({ iat: undefined, roles: [] })));
    expect(user).to.deep.equal({ id: 'ada', name: 'ada', roles: ['user'] });
    expect(issuedAt).to.equal(0);
  });

  it('reads the tenant from the claim that is configured', async () => {
    const claim = 'https://example.com/tenant';
    const token = forge(claims({ tenant: 'other', [claim]: 'acme' }));
    expect((await accepted(token, { tenantClaim: claim })).tenant).to.equal('acme');
    expect(await refused(forge(claims()), { tenantClaim: claim })).to.equal('unauthenticated');
    expect(await refused(forge(claims()), { tenantClaim: 'toString' })).to.equal('unauthenticated');
  });

  it('refuses alg none, other algorithms and other secrets', async () => {
    for (const alg of ['none', 'None', 'NONE', '', 'HS384', 'HS512', 'RS256', 'ES256', 'EdDSA', 'dir']) {
      expect(await refused(none({ alg })), alg).to.equal('unauthenticated');
      expect(await refused(forge(claims(), { alg })), alg).to.equal('unauthenticated');
    }
    expect(await refused(forge(claims(), {}, hmac('x'.repeat(32))))).to.equal('unauthenticated');
    expect(await refused(forge(claims(), { crit: ['exp'] }))).to.equal('unauthenticated');
    expect(await refused(forge(claims(), { b64: false, crit: ['b64'] }))).to.equal('unauthenticated');
  });

  it('refuses a signature that is written otherwise, shorter, longer, or by another hand', async () => {
    const token = forge(claims());
    const [header = '', payload = '', signature = ''] = token.split('.');
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = digits.indexOf(signature.at(-1) ?? '');
    const others = [
      // The last digit has bits that no byte is made of: three more texts stand for the same bytes.
      ...[1, 2, 3].map((bits) => signature.slice(0, -1) + digits[(last & ~3) | ((last + bits) & 3)]),
      `${signature}=`,
      `${signature}A`,
      signature.slice(0, -1),
      signature.toLowerCase(),
      ` ${signature}`,
      '',
    ];
    for (const other of others) {
      expect(await refused(`${header}.${payload}.${other}`), other).to.equal('unauthenticated');
    }
    for (const text of [`${token}.`, `${token}.${signature}`, `.${token}`, `${header}..${signature}`]) {
      expect(await refused(text), text).to.equal('unauthenticated');
    }
    expect(await accepted(token)).to.include({ tenant: 'acme' });
  });

  it('refuses a changed payload', async () => {
    const [header, , signature] = forge(claims()).split('.');
    const changed = [header, encode(claims({ roles: ['operator'] })), signature].join('.');
    expect(await refused(changed)).to.equal('unauthenticated');
  });

  it('refuses headers that bring a key, and tokens of another type', async () => {
    for (const header of [
      { jku: 'https://evil.example' },
      { jwk: {} },
      { x5u: 'https://evil.example' },
      { x5c: [] },
    ]) {
      expect(await refused(forge(claims(), header))).to.equal('unauthenticated');
    }
    for (const typ of ['logout+jwt', 'secevent+jwt', 5]) {
      expect(await refused(forge(claims(), { typ }))).to.equal('unauthenticated');
    }
    for (const typ of ['JWT', 'at+jwt', undefined])
      expect(await accepted(forge(claims(), { typ }))).to.include({ tenant: 'acme' });
  });

  it('refuses what has expired, never expires or is not valid yet, with 5 s for clocks that differ (H19)', async () => {
    expect(await refused(forge(claims({ exp: seconds() - 10 })))).to.equal('token_expired');
    expect(await accepted(forge(claims({ exp: seconds() - 2 })))).to.include({ tenant: 'acme' });
    expect(await accepted(forge(claims({ nbf: seconds() + 2 })))).to.include({ tenant: 'acme' });
    const wrong = [
      { exp: undefined },
      { exp: 'soon' },
      { exp: 1e300 },
      { exp: null },
      { nbf: seconds() + 60 },
      { nbf: 'x' },
      { iat: 'x' },
    ];
    for (const more of wrong)
      expect(await refused(forge(claims(more))), JSON.stringify(more)).to.equal('unauthenticated');
  });

  it('checks iss and aud when they are configured', async () => {
    const options = { jwtIssuer: 'https://login.example', jwtAudience: 'lastcall' };
    const right = { iss: 'https://login.example', aud: ['other', 'lastcall'] };
    expect(await accepted(forge(claims(right)), options)).to.include({ tenant: 'acme' });
    for (const more of [
      {},
      { iss: 'https://evil.example' },
      { aud: 'other' },
      { aud: undefined },
      { iss: undefined },
    ]) {
      const payload = Object.keys(more).length === 0 ? claims() : claims({ ...right, ...more });
      expect(await refused(forge(payload), options), JSON.stringify(more)).to.equal('unauthenticated');
    }
  });

  it('refuses claims that are missing, too long or forge lines', async () => {
    const wrong: Json[] = [
      { sub: undefined },
      { sub: '' },
      { sub: 'x'.repeat(129) },
      { sub: 5 },
      { sub: 'a\nb' },
      { sub: 'a\ud800' },
      { tenant: undefined },
      { tenant: 'Acme' },
      { tenant: 'a/b' },
      { tenant: 'a}b' },
      { tenant: '' },
      { tenant: ['acme'] },
      { tenant: 'acme\n' },
      { tenant: 'x'.repeat(64) },
      { name: 'x'.repeat(129) },
      { name: 5 },
      { name: 'a\u001b[31m' },
      { roles: 'admin' },
      { roles: [5] },
      { roles: [''] },
      { roles: ['x'.repeat(65)] },
      { roles: Array.from({ length: 33 }, (_, index) => `role${index}`) },
    ];
    for (const more of wrong)
      expect(await refused(forge(claims(more))), JSON.stringify(more)).to.equal('unauthenticated');
    expect((await accepted(forge(claims({ sub: 'x'.repeat(128) })))).user.id).to.have.length(128);
  });

  it('refuses what is no token, and tokens over 8 KiB', async () => {
    for (const text of ['', 'x', 'a.b', 'a.b.c', '..', 'null', `${forge(claims())}.x`, encode({})]) {
      expect(await refused(text), text).to.equal('unauthenticated');
    }
    const long = await refusal(
      createVerifier(VERIFIER_OPTIONS).verify(forge(claims({ more: 'x'.repeat(8_192) }))),
    );
    expect(long.message).to.match(/longer than 8192/);
    expect(await refused(null as unknown as string)).to.equal('unauthenticated');
  });

  it('tells nothing of the token in its messages (H28)', async () => {
    const token = forge(claims({ exp: seconds() - 10, name: 'Ada' }));
    const { message } = await refusal(createVerifier(VERIFIER_OPTIONS).verify(token));
    expect(message).not.to.match(/ada|acme|eyJ/i);
  });

  it('needs a secret of at least 32 bytes, and one way to check', async () => {
    expect(() => createVerifier({ ...VERIFIER_OPTIONS, jwtSecret: 'short' })).to.throw(RangeError);
    expect(
      await mintToken('short', { sub: 'a', tenant: 'b' }).catch((error: unknown) => error),
    ).to.be.instanceOf(RangeError);
    expect(() => createVerifier({ ...VERIFIER_OPTIONS, jwtSecret: undefined })).to.throw(TypeError);
  });

  it('mints what it verifies', async () => {
    const options = { jwtIssuer: 'me', jwtAudience: 'you', tenantClaim: 'company' };
    const token = await mintToken(SECRET, {
      sub: 'ada',
      tenant: 'acme',
      name: 'Ada',
      roles: ['admin'],
      expiresInMs: 60_000,
      issuer: 'me',
      audience: 'you',
      tenantClaim: 'company',
    });
    const identity = await accepted(token, options);
    expect(identity.user).to.deep.equal({ id: 'ada', name: 'Ada', roles: ['admin'] });
    expect(identity.expiresAt - identity.issuedAt).to.be.within(60_000, 61_000);
  });
});

describe('identity: the development secret', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lastcall-auth-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is made once, whoever asks first, and readable by its owner only', async () => {
    const dataDir = join(directory, 'data');
    const made = await Promise.all(Array.from({ length: 8 }, async () => developmentSecret(dataDir)));
    expect(new Set(made)).to.have.property('size', 1);
    expect(await developmentSecret(dataDir)).to.equal(made[0]);
    expect(Buffer.byteLength(made[0] ?? '')).to.be.at.least(32);
    expect(statSync(join(dataDir, 'dev-secret')).mode & 0o777).to.equal(0o600);
    expect(readdirSync(dataDir)).to.deep.equal(['dev-secret']);
  });

  it('closes a file that others could read, and refuses one that holds no secret', async () => {
    const path = join(directory, 'dev-secret');
    writeFileSync(path, `${SECRET}\n`);
    chmodSync(path, 0o644);
    expect(await developmentSecret(directory)).to.equal(SECRET);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    writeFileSync(path, 'short');
    const error: unknown = await developmentSecret(directory).catch((reason: unknown) => reason);
    expect(String(error)).to.match(/remove it and start again/);
  });
});
