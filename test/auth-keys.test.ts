import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createVerifier } from 'lastcall/internal/auth/index.js';
import {
  claims,
  forge,
  hmac,
  type Json,
  refusal,
  SECRET,
  seconds,
  VERIFIER_OPTIONS,
} from './support/tokens.js';
import { waitUntil } from './support/wait.js';

interface Signer {
  readonly jwk: Json;
  readonly publicKey: KeyObject;
  token(payload?: Json, header?: Json): string;
}

function signer(alg: 'RS256' | 'ES256' | 'EdDSA', kid: string): Signer {
  const pair = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  }[alg]();
  const digest = alg === 'EdDSA' ? null : 'sha256';
  const signText = (text: string) =>
    sign(digest, Buffer.from(text), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  return {
    publicKey: pair.publicKey,
    jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    token: (payload = {}, header = {}) => forge(claims(payload), { alg, kid, ...header }, signText),
  };
}

describe('identity: tokens with keys from an address', () => {
  let server: Server;
  let url: string;
  let answer: { status: number; body: string };
  let asked = 0;

  const publish = (...signers: Signer[]) => {
    answer = { status: 200, body: JSON.stringify({ keys: signers.map(({ jwk }) => jwk) }) };
  };
  const verifier = (jwksCooldownMs = 0) =>
    createVerifier({ ...VERIFIER_OPTIONS, jwtSecret: undefined, jwksUrl: url, jwksCooldownMs });

  const rsa = signer('RS256', 'rsa');
  const ec = signer('ES256', 'ec');
  const ed = signer('EdDSA', 'ed');

  before((done) => {
    server = createServer((_request, response) => {
      asked += 1;
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    server.listen(0, '127.0.0.1', () => {
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
      done();
    });
  });
  after((done) => {
    server.close(done);
    server.closeAllConnections();
  });
  beforeEach(() => {
    asked = 0;
    publish(rsa, ec, ed);
  });

  it('takes RS256, ES256 and EdDSA, asking for the keys once', async () => {
    const keys = verifier();
    for (const one of [rsa, ec, ed]) expect((await keys.verify(one.token())).user.id).to.equal('ada');
    expect(asked).to.equal(1);
  });

  it('checks a signature once for as long as the keys are published, and its claims each time', async () => {
    const keys = verifier();
    const { subtle } = crypto;
    const verify = subtle.verify.bind(subtle);
    let checked = 0;
    subtle.verify = (...args) => {
      checked += 1;
      return verify(...args);
    };
    try {
      await keys.verify(rsa.token());
      const token = rsa.token({ exp: seconds() - 3 });
      for (const _ of [1, 2, 3]) expect((await keys.verify(token)).user.id).to.equal('ada');
      expect(checked).to.equal(2);
      // It ends 5 s after it says, and is not known to have been right then.
      const ended = () => refusal(keys.verify(token)).then(({ code }) => code === 'token_expired');
      await waitUntil(() => ended().catch(() => false), 'the end of the token');
      expect(checked).to.equal(2);
      publish(ec);
      await keys.verify(rsa.token({}, { kid: 'unknown' })).catch(() => undefined);
      expect((await refusal(keys.verify(rsa.token()))).code).to.equal('unauthenticated');
    } finally {
      subtle.verify = verify;
    }
  });

  it('refuses a public key used as a shared secret, and every algorithm that is not on the list', async () => {
    const keys = verifier();
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
    const confused = [
      forge(claims(), { alg: 'HS256', kid: 'rsa' }, hmac(pem.toString())),
      forge(claims(), { alg: 'HS256', kid: 'rsa' }, hmac(JSON.stringify(rsa.jwk))),
      forge(claims(), { alg: 'none', kid: 'rsa' }, () => Buffer.alloc(0)),
      rsa.token({}, { alg: 'PS256' }),
      rsa.token({}, { alg: 'RS512' }),
      rsa.token({}, { kid: 'ec' }),
      rsa.token({}, { jku: url }),
      rsa.token({}, { jwk: rsa.jwk }),
    ];
    for (const token of confused) {
      expect((await refusal(keys.verify(token))).code).to.equal('unauthenticated');
    }
  });

  it('does not take a shared key that an address publishes', async () => {
    answer.body = JSON.stringify({
      keys: [{ kty: 'oct', kid: 'oct', k: Buffer.from(SECRET).toString('base64url') }],
    });
    expect((await refusal(verifier().verify(forge(claims(), { kid: 'oct' })))).code).to.equal(
      'unauthenticated',
    );
  });

  it('follows keys that are replaced while it runs', async () => {
    const keys = verifier();
    publish(rsa);
    await keys.verify(rsa.token());
    const next = signer('ES256', 'next');
    publish(next);
    expect((await keys.verify(next.token())).user.id).to.equal('ada');
    expect((await refusal(keys.verify(rsa.token()))).code).to.equal('unauthenticated');
  });

  it('does not ask again for every key id that somebody makes up', async () => {
    const keys = verifier(60_000);
    await keys.verify(rsa.token());
    for (let kid = 0; kid < 20; kid += 1) {
      expect((await refusal(keys.verify(rsa.token({}, { kid: `k${kid}` })))).code).to.equal(
        'unauthenticated',
      );
    }
    expect(asked).to.equal(1);
  });

  it('says unavailable, not unauthenticated, when the keys cannot be fetched', async () => {
    const bad = [
      { status: 500, body: '{}' },
      { status: 200, body: 'not json' },
      { status: 200, body: '{"keys":5}' },
      { status: 302, body: '' },
    ];
    for (const one of bad) {
      answer = one;
      const error = await refusal(verifier().verify(rsa.token()));
      expect(error.code, one.body).to.equal('unavailable');
      expect(error.extras.retryAfterMs).to.be.greaterThan(0);
      expect(error.cause).to.be.instanceOf(Error);
    }
    const nowhere = createVerifier({
      ...VERIFIER_OPTIONS,
      jwtSecret: undefined,
      jwksUrl: 'http://127.0.0.1:1/keys',
    });
    expect((await refusal(nowhere.verify(rsa.token()))).code).to.equal('unavailable');
  });
});
