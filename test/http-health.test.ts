import { expect } from 'chai';
import express from 'express';
import { Denials } from 'lastcall/internal/denials.js';
import type { Readiness } from 'lastcall/internal/health.js';
import { healthRouter } from 'lastcall/internal/http/health.js';
import { TestBroker } from './support/broker.js';
import { expectProblem, send } from './support/http.js';
import { bearer, stubParts, useStubs } from './support/http-app.js';

const get = (url: string) => send<Readiness>(`${url}/readyz`);

describe('http: [A6] health', () => {
  const stubs = useStubs();

  it('says that it lives, and with causes whether it is ready, until it stops', async () => {
    const broker = await TestBroker.start();
    try {
      const tenant = 't-of-the-health-test';
      await broker.connect(tenant, 'ada.lovelace');
      expect((await send(`${broker.url}/livez`)).body).to.deep.equal({ ok: true });
      const ready = await get(broker.url);
      expect([ready.status, ready.body.ok]).to.deep.equal([200, true]);
      expect(ready.body.checks.map(({ name }) => name)).to.include.members(['serving', 'reach', 'eviction']);
      expect(JSON.stringify(ready.body)).not.to.match(/ada|t-of-the-health-test/);

      broker.broker.health.drain();
      const leaving = await get(broker.url);
      expect([leaving.status, leaving.body.ok]).to.deep.equal([503, false]);
      expect(leaving.body.checks.filter(({ ok }) => !ok)).to.deep.equal([
        { name: 'serving', ok: false, detail: 'about to stop' },
      ]);
      expect((await send(`${broker.url}/livez`)).status).to.equal(200);

      const metrics = (await send<string>(`${broker.url}/metrics`)).body;
      expect(metrics).to.match(/^lastcall_redis_up 1$/m);
      expect(metrics).not.to.match(/ada|t-of-the-health-test/);
    } finally {
      await broker.close();
    }
  });

  it('is not ready when the checks fail, whatever they throw', async () => {
    const failing = [
      () => Promise.reject(new Error('secret of the inside')),
      () => {
        throw new Error('secret of the inside');
      },
    ];
    for (const ready of failing) {
      const { url, log } = await stubs.serve({ health: { ready } });
      for (let again = 0; again < 2; again += 1) {
        const got = await get(url);
        expect([got.status, got.body.ok]).to.deep.equal([503, false]);
        expect(JSON.stringify(got.body)).not.to.include('secret');
      }
      expect(log.filter((line) => line.includes('secret of the inside'))).to.have.length(2);
    }
  });

  it('gives up a look that takes too long, and looks once for all who ask at the same time', async () => {
    let looks = 0;
    const { parts } = stubParts();
    const { core, verifier, limits } = parts;
    const app = express().use(
      healthRouter({
        verifier,
        limits,
        denials: new Denials(core.audit, core.log),
        before: [(_req, _res, next) => next()],
        metrics: core.metrics,
        log: core.log,
        trustProxy: 0,
        readyLimitMs: 100,
        health: {
          ready: () => {
            looks += 1;
            return new Promise(() => undefined);
          },
        },
      }),
    );
    const { url } = await stubs.app(app);
    const answers = await Promise.all([get(url), get(url), get(url)]);
    expect(answers.map(({ status }) => status)).to.deep.equal([503, 503, 503]);
    expect(answers[0]?.body.checks[0]?.detail).to.equal('no answer within 100 ms');
    expect(looks).to.be.lessThan(4);
  });

  it('[I2] gives metrics to this machine, and to others with the token of an administrator', async () => {
    const { url } = await stubs.serve();
    const status = async (headers: Record<string, string>) =>
      (await send(`${url}/metrics`, { headers })).status;
    expect(await status({})).to.equal(200);
    expect(await status({ 'X-Forwarded-For': '10.0.0.1' })).to.equal(401);
    expect(await status({ 'X-Forwarded-For': '10.0.0.1', ...bearer(['user']) })).to.equal(403);
    expect(await status({ 'X-Forwarded-For': '10.0.0.1', ...bearer(['service']) })).to.equal(403);
    expect(await status({ 'X-Forwarded-For': '10.0.0.1', ...bearer(['admin']) })).to.equal(200);
    expect(await status({ Authorization: 'Bearer x' }), 'a token that is sent is looked at').to.equal(401);

    const { url: behind } = await stubs.serve({ env: { TRUST_PROXY: '1' } });
    const got = await send(`${behind}/metrics`);
    expect(expectProblem(got).code).to.equal('unauthenticated');
    expect((await send(`${behind}/metrics`, { headers: bearer(['operator']) })).status).to.equal(200);
  });
});
