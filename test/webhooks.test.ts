import { readFileSync } from 'node:fs';
import { DEFAULT_POLICY } from '@lastcall/shared';
import { expect } from 'chai';
import { WEBHOOK_TYPES } from 'lastcall/internal/webhooks/events.js';
import { Webhook } from 'standardwebhooks';
import { administrator, freshTenant, TestBroker } from './support/broker.js';
import { send } from './support/http.js';
import { type Delivery, freshWebhookSecret, type Message, Receiver } from './support/receiver.js';
import { waitUntil } from './support/wait.js';

const ISSUER = 'https://login.example.com/';

/** The examples of the page for users, by the type of the event. */
function examplesInDocs(): ReadonlyMap<string, Message> {
  const text = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```json\n(\{\n {2}"type"[^]*?)```/g)].map(([, json = '']) => json);
  return new Map(blocks.map((json) => JSON.parse(json) as Message).map((message) => [message.type, message]));
}

/** The form of a value: its fields and the kinds of what is in them. */
function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(formOf).slice(0, 1);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => [name, formOf(field)]),
  );
}

describe('webhooks', () => {
  let receiver: Receiver;
  let broker: TestBroker;
  const [older, newer] = [freshWebhookSecret(), freshWebhookSecret()];

  before(async () => {
    receiver = await Receiver.start(newer);
    const env = { ...receiver.env, WEBHOOK_SECRET: `${newer} ${older}`, JWT_ISSUER: ISSUER };
    broker = await TestBroker.start({ env });
  });
  after(async () => {
    await broker.close();
    await receiver.close();
  });

  /** Everything that a back end is told of and that can be made to happen here. */
  async function live(tenant: string): Promise<readonly Delivery[]> {
    const { core } = broker;
    const by = { kind: 'admin', id: 'root', name: 'Root' } as const;
    await core.policies.set(tenant, 0, { ...DEFAULT_POLICY, idleLogoffMs: 900_000 }, by);
    const ada = await broker.connect(tenant, 'ada', { auth: { app: { name: 'books', version: '1.2' } } });
    const grace = await broker.connect(tenant, 'grace');
    await ada.acquire('invoices/7');
    await ada.heartbeat({ dirty: true, view: 'Invoice 7' });
    await core.locks.break(tenant, 'invoices/7', 'needed elsewhere', by);
    await grace.acquire('invoices/8');
    const order = await core.orders.create(administrator(tenant), tenant, {
      action: 'logoff',
      target: { users: ['ada'] },
      message: 'Please save your work.',
      reason: 'admin',
      graceMs: 100,
      holdMs: 0,
    });
    const isDone = async () => (await core.orders.get(tenant, order.id)).state === 'done';
    await waitUntil(isDone, 'the order to be done', 10_000);
    await grace.does('session:end', {});
    // Two opened, two ended, two verified, one lock broken, one order done, one policy.
    await waitUntil(() => receiver.ofType(tenant, 'session.verified').length === 2, 'the webhooks', 10_000);
    await receiver.took(tenant, 9);
    return receiver.events(tenant);
  }

  it('[W1] tell of what happened, in order, verifiable with the public library, and of nothing else', async () => {
    const tenant = freshTenant();
    const told = await live(tenant);
    const { items } = await broker.core.audit.list(tenant, {}, { limit: 1_000 });
    const expected = items
      .toReversed()
      .filter(({ type }) => (WEBHOOK_TYPES as readonly string[]).includes(type));
    expect(expected.length).to.be.at.least(9);
    expect(told.map(({ message }) => [message.data.rev, message.type])).to.deep.equal(
      expected.map(({ rev, type }) => [rev, type]),
    );
    for (const [i, { id, headers, message }] of told.entries()) {
      const { type, ...facts } = expected[i] as (typeof expected)[number];
      expect(message.type).to.equal(type);
      expect(message.timestamp).to.equal(new Date(facts.at).toISOString());
      expect(message.data).to.deep.include({ tenant, ...facts });
      expect(id).to.equal(`${tenant}_${facts.epoch}_${facts.rev}`);
      expect(headers['content-type']).to.equal('application/json');
      expect(Number(headers['webhook-timestamp'])).to.be.closeTo(Date.now() / 1_000, 60);
    }
    expect(receiver.forged).to.equal(0);
  });

  it('[W1] are signed with each secret while one replaces the other', async () => {
    const tenant = freshTenant();
    await broker.connect(tenant, 'ada');
    const [delivery] = await receiver.took(tenant, 1);
    const { body = '', headers = {} } = delivery ?? {};
    expect(headers['webhook-signature']?.split(' ')).to.have.length(2);
    for (const secret of [older, newer]) new Webhook(secret).verify(body, headers);
    expect(() => new Webhook(freshWebhookSecret()).verify(body, headers)).to.throw();
    expect(() => new Webhook(newer).verify(`${body} `, headers)).to.throw();
  });

  it('[W1] are what the page for users shows', async () => {
    const told = await live(freshTenant());
    const examples = examplesInDocs();
    const types = new Set(told.map(({ message }) => message.type));
    expect([...examples.keys()]).to.have.members([...types]);
    for (const [type, example] of examples) {
      const forms = told.filter(({ message }) => message.type === type).map(({ message }) => formOf(message));
      expect(forms, type).to.deep.include(formOf(example));
    }
  });

  it('[W6] say in the words of OpenID CAEP whose session ended, by whom and why', async () => {
    const tenant = freshTenant();
    await live(tenant);
    const ends = receiver.ofType(tenant, 'session.ended').map(({ message }) => message.data);
    const [byAdmin, byUser] = ends;
    expect(byAdmin?.['sub_id']).to.deep.equal({
      format: 'complex',
      session: { format: 'opaque', id: byAdmin?.sessionId },
      user: { format: 'iss_sub', iss: ISSUER, sub: 'ada' },
      tenant: { format: 'opaque', id: tenant },
    });
    expect(byAdmin).to.deep.include({
      initiating_entity: 'admin',
      event_timestamp: Math.floor((byAdmin?.at ?? 0) / 1_000),
      reason_admin: { en: 'An administrator ended the session.' },
      reason_user: { und: 'Please save your work.' },
    });
    expect(byUser).to.deep.include({
      initiating_entity: 'user',
      reason_admin: { en: 'The person signed out.' },
    });
    const [opened] = receiver.ofType(tenant, 'session.opened');
    expect(opened?.message.data).to.include({ initiating_entity: 'user' });
    expect(opened?.message.data).not.to.have.any.keys('reason_admin', 'reason_user');
    const [policy] = receiver.ofType(tenant, 'policy.changed');
    expect(policy?.message.data).not.to.have.any.keys('sub_id', 'initiating_entity');
  });

  it('[W4] are told of in readiness and metrics, without a name', async () => {
    const tenant = freshTenant();
    await broker.connect(tenant, 'ada');
    await receiver.took(tenant, 1);
    const ready = await send<{ checks: { name: string; ok: boolean; detail: string }[] }>(
      `${broker.url}/readyz`,
    );
    const check = ready.body.checks.find(({ name }) => name === 'webhooks');
    expect(check).to.deep.include({ ok: true, detail: 'delivering; nothing waits' });
    const { body } = await send<string>(`${broker.url}/metrics`);
    expect(body).to.match(/^lastcall_webhook_attempts_total\{result="delivered"\} [1-9]/m);
    expect(body).to.match(/^lastcall_webhook_lag_records \d+$/m);
    expect(body).to.match(/^lastcall_webhook_lag_seconds 0$/m);
    expect(body).to.match(/^lastcall_webhook_lost_records_total 0$/m);
    expect(body).not.to.include(tenant);
  });
});
