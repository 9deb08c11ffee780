import { type AuditRecord, DEFAULT_POLICY, type Node, type Page, type Policy } from '@lastcall/shared';
import { expect } from 'chai';
import { useApi } from './support/api.js';
import type { Sent } from './support/http.js';

describe('http: audit, settings, registry', () => {
  const api = useApi();

  it('[A3] the trail is read newest first, in pages, and says that it was read', async () => {
    const ada = await api.broker.connect(api.tenant, 'ada');
    await ada.does('session:end', {});
    const read = (query: Sent['query'] = {}) =>
      api.admin.does<Page<AuditRecord>>('audit.list', api.here({ query }));
    const all = await read();
    expect(all.items.map(({ rev }) => rev)).to.deep.equal(
      all.items.map(({ rev }) => rev).toSorted((a, b) => b - a),
    );
    expect(all.items.map(({ type }) => type)).to.include.members(['session.opened', 'session.ended']);
    const opened = all.items.find(({ type }) => type === 'session.opened') as AuditRecord;
    expect((await read({ type: 'session.opened' })).items).to.deep.equal([opened]);
    expect(
      (await read({ session: ada.sessionId, from: opened.at, to: opened.at + 1 })).items,
    ).to.deep.include(opened);
    expect((await read({ type: 'session.opened', to: opened.at })).items).to.deep.equal([]);
    const [reading] = (await read({ type: 'audit.read', limit: 1 })).items;
    expect(reading?.by).to.deep.equal({ kind: 'admin', id: 'root', name: 'root by name' });
    expect(reading?.details).to.deep.equal({ type: 'session.opened', to: opened.at });

    const revs: number[] = [];
    let page = await read({ limit: 2 });
    for (; page.next !== undefined; page = await read({ limit: 2, cursor: page.next })) {
      revs.push(...page.items.map(({ rev }) => rev));
    }
    expect(revs).to.deep.equal(revs.toSorted((a, b) => b - a));
  });

  it('[I6] refuses a cursor that was never given out', async () => {
    for (const forged of ['1.5', '1e+15', '-1', '$']) {
      const cursor = Buffer.from(forged).toString('base64url');
      const refused = await api.admin.refused('audit.list', api.here({ query: { cursor } }));
      expect(refused, forged).to.include({ code: 'invalid', status: 400 });
    }
  });

  it('[A4] settings are replaced as a whole, against the version that was seen', async () => {
    const before = await api.admin.call<Policy>('policy.get', api.here());
    expect(before.headers.get('etag')).to.equal('"0"');
    const set = (ifMatch: string | undefined, body: object) =>
      api.here({ body, ...(ifMatch === undefined ? {} : { headers: { 'If-Match': ifMatch } }) });
    const changed = { ...DEFAULT_POLICY, graceMs: 90_000 };
    const after = await api.admin.call<Policy>('policy.set', set('"0"', changed));
    expect(after.headers.get('etag')).to.equal('"1"');
    expect(after.body).to.deep.equal({ ...changed, version: 1 });
    expect(await api.admin.does('policy.get', api.here())).to.deep.equal(after.body);

    const late = await api.admin.refused('policy.set', set('"0"', DEFAULT_POLICY));
    expect(late).to.include({ code: 'version_mismatch', status: 412 });
    for (const none of [undefined, '*', '1', '"x"', '"1", "0"']) {
      const refused = await api.admin.refused('policy.set', set(none, changed));
      expect(refused.issues?.[0]?.path, none).to.equal('If-Match');
    }
    // A proxy that compresses weakens the tag.
    expect((await api.admin.call('policy.set', set('W/"1"', changed))).status).to.equal(200);
    const { graceMs: _one, ...rest } = changed;
    const wrong = [rest, { ...changed, version: 2 }, { ...changed, beatMs: 30_000, leaseMs: 60_000 }];
    for (const settings of wrong) {
      expect((await api.admin.refused('policy.set', set('"2"', settings))).code).to.equal('invalid');
    }
  });

  it('nodes and tenants are listed for operators', async () => {
    await api.broker.connect(api.tenant, 'ada');
    const operator = await api.client(['operator']);
    const nodes = await operator.does<Page<Node>>('nodes.list');
    expect(nodes.items.map(({ id }) => id)).to.include(api.broker.core.nodes.id);
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: 3, ...(cursor === undefined ? {} : { cursor }) };
      const page: Page<string> = await operator.does('tenants.list', { query });
      names.push(...page.items);
      cursor = page.next;
    } while (cursor !== undefined);
    expect(names).to.include(api.tenant);
    expect(names).to.deep.equal([...new Set(names)].toSorted());
  });
});
