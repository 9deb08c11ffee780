import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AuditRecord } from '@lastcall/shared';
import { AUDIT_TYPES } from '@lastcall/shared';
import { expect } from 'chai';
import { backoffMs } from 'lastcall/internal/webhooks/backoff.js';
import { Endpoint } from 'lastcall/internal/webhooks/endpoint.js';
import { eventOf, isSent } from 'lastcall/internal/webhooks/events.js';
import { headersOf, keysOf } from 'lastcall/internal/webhooks/signature.js';
import { Webhook } from 'standardwebhooks';
import { refusal } from './support/config.js';
import { freshWebhookSecret, type Message, Receiver } from './support/receiver.js';
import { waitUntil } from './support/wait.js';

const record: AuditRecord = {
  epoch: 1_795_353_616_047,
  rev: 7,
  at: 1_795_353_616_136,
  type: 'session.ended',
  by: { kind: 'policy' },
  sessionId: '01970000-0000-7000-8000-000000000001',
  user: { id: 'ada', name: 'Ada' },
  reason: 'idle',
  details: { message: 'There was no input.' },
};
const idOf = (tenant: string): string => eventOf(tenant, record, undefined).id;
const dataOf = (more: Partial<AuditRecord>, issuer?: string): Message['data'] =>
  (JSON.parse(eventOf('acme', { ...record, ...more }, issuer).body) as Message).data;

describe('webhooks: [W1] what is sent', () => {
  it('has the signature of the example in the specification’s public library, and of each secret', () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const signed = { id: 'acme_1_2', timestamp: 1_674_087_231, body: '{"test": 2432232314}' };
    const expected = new Webhook(secret).sign(signed.id, new Date(signed.timestamp * 1_000), signed.body);
    expect(headersOf(signed, keysOf(secret))).to.deep.equal({
      'webhook-id': signed.id,
      'webhook-timestamp': '1674087231',
      'webhook-signature': expected,
    });
    const other = freshWebhookSecret();
    expect(headersOf(signed, keysOf(`${secret} ${other}`))['webhook-signature']?.split(' ')).to.deep.equal([
      expected,
      new Webhook(other).sign(signed.id, new Date(signed.timestamp * 1_000), signed.body),
    ]);
  });

  it('has an id without a full stop, which no other event of any tenant has', () => {
    expect(idOf('acme')).to.equal('acme_1795353616047_7');
    const tenants = ['a', 'a.b', 'a_b', 'a-b', 'a.b.c', 'a_1', 'a_1_2', 'a.1.2'];
    const ids = tenants.map(idOf);
    expect(new Set(ids).size).to.equal(tenants.length);
    for (const id of ids) expect(id).to.match(/^[a-z0-9_~-]+$/);
  });

  it('[W6] names the person without an issuer, says nothing that it does not know, and leaves other records alone', () => {
    expect(dataOf({})).to.deep.include({
      initiating_entity: 'policy',
      reason_admin: { en: 'There was no input for longer than the policy allows.' },
      reason_user: { en: 'There was no input.' },
    });
    expect(dataOf({})['sub_id']).to.deep.include({ user: { format: 'opaque', id: 'ada' } });
    expect(dataOf({ reason: 'constructor', details: {} })).not.to.have.any.keys(
      'reason_admin',
      'reason_user',
    );
    expect(dataOf({ type: 'block.changed' })).not.to.have.any.keys('sub_id', 'event_timestamp');
    const { user: _user, ...anonymous } = record;
    expect((JSON.parse(eventOf('acme', anonymous, 'x').body) as Message).data['sub_id']).not.to.have.property(
      'user',
    );
  });

  it('is of eleven kinds', () => {
    expect(AUDIT_TYPES.filter((type) => isSent({ type }))).to.have.length(11);
    for (const type of [
      'session.state',
      'order.created',
      'lock.granted',
      'access.denied',
      'audit.read',
    ] as const) {
      expect(isSent({ type }), type).to.equal(false);
    }
  });
});

describe('webhooks: [W4] attempts', () => {
  let receiver: Receiver;
  const secret = freshWebhookSecret();
  const event = eventOf('acme', record, undefined);

  before(async () => {
    receiver = await Receiver.start(secret);
  });
  after(() => receiver.close());
  beforeEach(() => {
    receiver.headers = {};
  });

  const endpointAt = (url: string, limitMs = 2_000): Endpoint =>
    new Endpoint({ url, keys: keysOf(secret), agent: 'lastcall/test', now: Date.now, limitMs });

  it('wait twice as long each time, up to 5 minutes, by chance up to half of it less, or as long as the endpoint asks', () => {
    const longest = [1, 2, 3, 4, 10, 11, 12, 1_000].map((failures) => backoffMs(failures, 0, 0));
    expect(longest).to.deep.equal([500, 1_000, 2_000, 4_000, 256_000, 300_000, 300_000, 300_000]);
    expect(backoffMs(3, 0, 1)).to.equal(1_000);
    for (let i = 0; i < 100; i += 1) expect(backoffMs(3)).to.be.within(1_000, 2_000);
    expect(backoffMs(1, 7_000, 0)).to.equal(7_000);
    expect(backoffMs(1, 86_400_000, 0)).to.equal(300_000);
  });

  it('succeed with 2xx only, end with 410, and fail with anything else', async () => {
    const endpoint = endpointAt(receiver.url);
    const outcomes: Record<number, unknown> = {};
    for (const status of [200, 202, 204, 301, 307, 400, 404, 410, 429, 500]) {
      receiver.behaviour = status;
      receiver.headers = status < 400 ? { location: receiver.url } : {};
      outcomes[status] = (await endpoint.send(event)).kind;
    }
    expect(outcomes).to.deep.equal({
      200: 'delivered',
      202: 'delivered',
      204: 'delivered',
      301: 'failed',
      307: 'failed',
      400: 'failed',
      404: 'failed',
      410: 'gone',
      429: 'failed',
      500: 'failed',
    });
    expect(receiver.attempts, 'redirects are not followed').to.have.length(10);
  });

  it('say why they failed, and for how long the endpoint wants to be left alone', async () => {
    const endpoint = endpointAt(receiver.url, 200);
    receiver.behaviour = 'silence';
    expect(await endpoint.send(event)).to.deep.equal({ kind: 'failed', why: 'no answer within 200 ms' });
    receiver.behaviour = 'hang up';
    expect(await endpoint.send(event))
      .to.have.property('why')
      .that.matches(/^no connection \(/);
    expect(await endpointAt('http://127.0.0.1:1/').send(event)).to.have.property('kind', 'failed');
    receiver.behaviour = 503;
    for (const [header, ms] of [
      ['30', 30_000],
      ['soon', undefined],
      ['0', undefined],
    ] as const) {
      receiver.headers = { 'retry-after': header };
      const expected = {
        kind: 'failed',
        why: 'answered 503',
        ...(ms === undefined ? {} : { retryAfterMs: ms }),
      };
      expect(await endpoint.send(event)).to.deep.equal(expected);
    }
    receiver.headers = { 'retry-after': new Date(Date.now() + 60_000).toUTCString() };
    expect(await endpoint.send(event))
      .to.have.property('retryAfterMs')
      .that.is.within(55_000, 60_000);
  });

  it('stop at once when the broker does, without a word against the endpoint', async () => {
    receiver.behaviour = 'silence';
    const endpoint = endpointAt(receiver.url);
    const tried = receiver.attempts.length;
    const outcome = endpoint.send(event);
    await waitUntil(() => receiver.attempts.length > tried, 'the attempt');
    endpoint.stop();
    expect(await outcome).to.deep.equal({ kind: 'stopped' });
    expect(await endpoint.send(event)).to.deep.equal({ kind: 'stopped' });
  });

  describe('read little of an answer', () => {
    let server: Server;
    let url = '';
    let connections = 0;
    let written = 0;

    before(async () => {
      server = createServer((req, res) => {
        req.resume();
        const isEndless = req.url === '/endless';
        const more = (): void => {
          while (!res.destroyed && written < 100_000_000) {
            written += 65_536;
            if (!res.write(Buffer.alloc(65_536))) return void res.once('drain', more);
          }
        };
        res.writeHead(200);
        if (isEndless) more();
        else res.end('thanks');
      });
      server.on('connection', () => {
        connections += 1;
      });
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(() => {
      server.closeAllConnections();
      server.close();
    });

    it('an endless one is cut', async () => {
      expect(await endpointAt(`${url}/endless`).send(event)).to.deep.equal({ kind: 'delivered' });
      expect(written).to.be.below(20_000_000);
    });

    it('connections are used again', async () => {
      connections = 0;
      const endpoint = endpointAt(`${url}/short`);
      for (let i = 0; i < 20; i += 1) await endpoint.send(event);
      expect(connections).to.be.at.most(2);
    });
  });
});

describe('webhooks: [W1] settings', () => {
  const base = { LASTCALL_JWT_SECRET: 'a shared secret of more than 32 bytes' };
  const url = 'https://app.example.com/hooks';
  const withSettings = (more: Record<string, string>) => refusal({ ...base, ...more });

  it('need an address that is safe to send to, and a secret of the specification’s form', () => {
    const secret = freshWebhookSecret();
    for (const wrong of [
      'app.example.com',
      'ftp://app.example.com',
      'https://me:secret@app.example.com/',
      `${url}#a`,
    ]) {
      expect(withSettings({ LASTCALL_WEBHOOK_URL: wrong, LASTCALL_WEBHOOK_SECRET: secret })).to.match(
        /^LASTCALL_WEBHOOK_URL must be/,
      );
    }
    const short = `whsec_${Buffer.alloc(23).toString('base64')}`;
    const long = `whsec_${Buffer.alloc(65).toString('base64')}`;
    for (const wrong of [
      'hunter2',
      secret.slice(6),
      short,
      long,
      `${secret}!`,
      `${secret} ${secret} ${secret}`,
    ]) {
      const message = withSettings({ LASTCALL_WEBHOOK_URL: url, LASTCALL_WEBHOOK_SECRET: wrong });
      expect(message).to.match(/^LASTCALL_WEBHOOK_SECRET must be whsec_/);
      expect(message).not.to.include(wrong);
    }
    expect(withSettings({ LASTCALL_WEBHOOK_URL: url })).to.match(/^LASTCALL_WEBHOOK_SECRET must be set/);
    const production = {
      NODE_ENV: 'production',
      LASTCALL_WEBHOOK_URL: 'http://app.internal/hooks',
      LASTCALL_WEBHOOK_SECRET: secret,
    };
    expect(withSettings(production)).to.match(/^LASTCALL_WEBHOOK_URL must begin with https:/);
  });
});
