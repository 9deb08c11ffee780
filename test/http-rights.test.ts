import { DEFAULT_POLICY, type Order, ROLES } from '@lastcall/shared';
import { expect } from 'chai';
import { ROUTES, type RouteId } from 'lastcall/internal/schema/index.js';
import { logoff, useApi } from './support/api.js';
import { freshTenant } from './support/broker.js';
import type { Sent } from './support/http.js';

const ROUTE_IDS = Object.keys(ROUTES) as RouteId[];
const CHECKS: ReadonlySet<RouteId> = new Set(['sessions.check', 'locks.check'] as const);
const FOR_ALL: ReadonlySet<RouteId> = new Set(['nodes.list', 'tenants.list'] as const);

/** The rights as they are meant, said once more. */
function mayDo(id: RouteId, role: string, where: 'own' | 'other'): boolean {
  if (role === 'operator') return true;
  if (FOR_ALL.has(id) || where === 'other') return false;
  return role === 'admin' || (role === 'service' && CHECKS.has(id));
}

/** The same each time, so that setting it again changes nothing. */
const WINDOW = { message: 'To be lifted.', startsAt: Date.now() + 2 * 86_400_000 };

describe('http: rights', () => {
  const api = useApi();

  /** What each route takes, such that whoever may call it is answered. */
  async function somethingFor(id: RouteId, of: string, session: string, order: string): Promise<Sent> {
    // What is lifted has to be there first.
    const { blocks, maintenance } = api.broker.core;
    if (id.startsWith('maintenance')) await maintenance.set(of, WINDOW, { kind: 'system' });
    const standing =
      id === 'blocks.lift' &&
      (await blocks.set(of, { user: 'nobody', reason: 'to be lifted' }, { kind: 'system' }));
    const ids: Partial<Record<RouteId, string>> = standing ? { 'blocks.lift': standing.id } : {};
    const params = { tenant: of, id: ids[id] ?? (id.startsWith('sessions') ? session : order) };
    const bodies: Partial<Record<RouteId, unknown>> = {
      'sessions.check': { sessionId: session },
      'orders.create': logoff({ dryRun: true }),
      'blocks.set': { user: 'nobody', reason: 'never there' },
      'locks.break': { resource: 'free/1', reason: 'nobody holds it' },
      'locks.check': { resource: 'free/1', fence: 1 },
      'policy.set': DEFAULT_POLICY,
      'maintenance.set': WINDOW,
    };
    const { version } = await api.broker.core.policies.get(of);
    return {
      params,
      ...(bodies[id] === undefined ? {} : { body: bodies[id] }),
      ...(id === 'policy.set' ? { headers: { 'If-Match': `"${version}"` } } : {}),
    };
  }

  it('[I2] [I3] [P7] H24 H29 are as the table says, for every route × role × tenant', async () => {
    const other = freshTenant();
    const found = await Promise.all(
      [api.tenant, other].map(async (of) => {
        const { sessionId } = await api.broker.connect(of, 'ada');
        const { id } = await (await api.client(['admin'], of)).does<Order>('orders.create', {
          params: { tenant: of },
          body: logoff({ action: 'warn', graceMs: 60_000, message: 'Soon.' }),
        });
        return { of, sessionId, id };
      }),
    );
    let refused = 0;
    for (const role of [...ROLES, 'accountant']) {
      const caller = await api.client([role]);
      for (const id of ROUTE_IDS) {
        for (const { of, sessionId, id: orderId } of found) {
          const where = of === api.tenant ? 'own' : 'other';
          if (where === 'other' && FOR_ALL.has(id)) continue;
          const sent = await somethingFor(id, of, sessionId, orderId);
          if (mayDo(id, role, where)) await caller.does(id, sent);
          else {
            expect((await caller.refused(id, sent)).code, `${role} ${id} ${where}`).to.equal('forbidden');
            refused += 1;
          }
        }
      }
    }
    expect(refused).to.be.greaterThan(60);
    expect((await api.broker.core.sessions.list(other, {}, { limit: 10 })).items).to.have.length(1);
    const own = await api.broker.core.audit.list(api.tenant, { type: 'access.denied' }, { limit: 1_000 });
    expect(own.items, 'records are bounded').to.have.length(60);
    expect(
      (await api.broker.core.audit.list(other, { type: 'access.denied' }, { limit: 10 })).items,
    ).to.have.length(0);
  });

  it('[I2] [A1] a refused attempt is in the trail of whoever tried, with what and where', async () => {
    const user = await api.client(['user']);
    await user.refused('orders.create', api.here({ body: logoff() }));
    await api.admin.refused('policy.get', { params: { tenant: 'elsewhere' } });
    const { items } = await api.broker.core.audit.list(api.tenant, { type: 'access.denied' }, { limit: 10 });
    expect(items.map(({ by, details }) => ({ by, details }))).to.deep.equal([
      {
        by: { kind: 'admin', id: 'root', name: 'root by name' },
        details: { action: 'policy.get', tenant: 'elsewhere' },
      },
      { by: { kind: 'user', id: 'root', name: 'root by name' }, details: { action: 'orders.create' } },
    ]);
    expect(items[1]?.reason).to.match(/You need the role admin or operator/);
  });

  it('[P7] S24 ids of another tenant are not found', async () => {
    const other = freshTenant();
    const { sessionId } = await api.broker.connect(other, 'ada');
    const order = await (await api.client(['admin'], other)).does<Order>('orders.create', {
      params: { tenant: other },
      body: logoff({ action: 'warn', graceMs: 60_000 }),
    });
    expect((await api.admin.refused('sessions.get', api.here({ id: sessionId }))).status).to.equal(404);
    for (const id of ['orders.get', 'orders.receipts', 'orders.cancel'] as const) {
      expect((await api.admin.refused(id, api.here({ id: order.id }))).code, id).to.equal('not_found');
    }
    const answer = await api.admin.does('sessions.check', api.here({ body: { sessionId } }));
    expect(answer).to.deep.equal({ live: false });
  });
});
