import type { LockEntry, Page } from '@lastcall/shared';
import { expect } from 'chai';
import { locked, useApi } from './support/api.js';
import type { Sent } from './support/http.js';

describe('http: locks', () => {
  const api = useApi();

  it('[L11] are listed with holders and queues, broken, and checked', async () => {
    const [ada, grace] = await Promise.all([
      api.broker.connect(api.tenant, 'ada'),
      api.broker.connect(api.tenant, 'grace'),
    ]);
    const fence = await locked(ada, 'invoices/7');
    await locked(ada, 'notes/1');
    await grace.acquire('invoices/7', 60_000);
    const list = (query: NonNullable<Sent['query']>) =>
      api.admin.does<Page<LockEntry>>('locks.list', api.here({ query }));
    const [entry] = (await list({ prefix: 'invoices/' })).items;
    expect(entry?.holders.map(({ user }) => user.id)).to.deep.equal(['ada']);
    expect(entry?.waiters.map(({ user }) => user.id)).to.deep.equal(['grace']);
    expect((await list({ user: 'grace' })).items.map(({ resource }) => resource)).to.deep.equal([
      'invoices/7',
    ]);
    const page = await list({ limit: 1 });
    expect(page.next).to.match(/^[\w-]+$/);
    expect((await list({ limit: 1, cursor: String(page.next) })).items[0]?.resource).to.equal('notes/1');

    const service = await api.client(['service']);
    const check = (body: object) => service.does('locks.check', api.here({ body }));
    expect(await check({ resource: 'invoices/7', fence })).to.deep.equal({ valid: true, mode: 'exclusive' });
    expect(await check({ resource: 'invoices/7', fence, sessionId: grace.sessionId })).to.deep.equal({
      valid: false,
    });

    const broken = { resource: 'invoices/7', reason: 'left for lunch' };
    const key = { headers: { 'Idempotency-Key': 'break-1' } };
    expect(await api.admin.does('locks.break', api.here({ body: broken, ...key }))).to.deep.equal({
      broken: true,
    });
    await ada.saw('lock:lost', (push) => push.fence === fence);
    await grace.saw('lock:granted');
    // Sent again after a lost answer it must not break the next holder's lock.
    expect(await api.admin.does('locks.break', api.here({ body: broken, ...key }))).to.deep.equal({
      broken: true,
    });
    expect((await list({ prefix: 'invoices/' })).items[0]?.holders[0]?.user.id).to.equal('grace');
    expect(await check({ resource: 'invoices/7', fence })).to.deep.equal({ valid: false });
    const nobody = await api.admin.does(
      'locks.break',
      api.here({ body: { resource: 'free/1', reason: 'why not' } }),
    );
    expect(nobody).to.deep.equal({ broken: false });
  });

  it('[L10] a check is answered anew, whatever key it carries', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    const body = { resource: 'invoices/7', fence: await locked(ada, 'invoices/7') };
    const sent = api.here({ body, headers: { 'Idempotency-Key': 'check-1' } });
    expect(await api.admin.does('locks.check', sent)).to.deep.equal({ valid: true, mode: 'exclusive' });
    await ada.does('lock:release', body);
    expect(await api.admin.does('locks.check', sent)).to.deep.equal({ valid: false });
  });
});
