import { type AuditRecord, LastcallError, type Order, type Session } from '@lastcall/shared';
import type { Core } from '../core.js';
import type { SessionDetail } from '../schema/routes.js';
import type { Handlers } from './call.js';
import { given, toWirePage } from './page.js';

/** How many of a session's records come with it. */
const LATEST_RECORDS = 20;

/** The orders that a session and its latest records name. */
async function ordersOf(
  core: Core,
  tenant: string,
  session: Session,
  records: readonly AuditRecord[],
): Promise<Order[]> {
  const named = [session.warned, session.ended, ...records].map((source) => source?.orderId);
  const ids = new Set(named.filter((id) => id !== undefined));
  const found = await Promise.all(
    [...ids].map((id) =>
      core.orders.get(tenant, id).catch((error: unknown) => {
        // Orders are kept for a while only; their records outlive them.
        if (error instanceof LastcallError && error.code === 'not_found') return undefined;
        throw error;
      }),
    ),
  );
  return found.filter((order) => order !== undefined);
}

async function detailOf(core: Core, tenant: string, id: string): Promise<SessionDetail> {
  const session = await core.sessions.get(tenant, id);
  const endedUnder = session.ended?.orderId;
  const [locks, records, receipt] = await Promise.all([
    session.locks === 0 ? [] : core.locks.heldBy(tenant, id),
    core.audit.list(tenant, { session: id }, { limit: LATEST_RECORDS }),
    endedUnder === undefined ? undefined : core.orders.receipt(tenant, endedUnder, id),
  ]);
  return {
    session,
    locks: [...locks],
    orders: await ordersOf(core, tenant, session, records.items),
    audit: [...records.items],
    ...(receipt ? { receipt } : {}),
  };
}

export const SESSION_HANDLERS: Handlers<'sessions.list' | 'sessions.get' | 'sessions.check'> = {
  async 'sessions.list'({ core, params, query: { limit, cursor, ...filter } }) {
    const page = await core.sessions.list(params.tenant, given(filter), given({ limit, cursor }));
    return { status: 200, body: toWirePage(page) };
  },

  async 'sessions.get'({ core, params }) {
    return { status: 200, body: await detailOf(core, params.tenant, params.id) };
  },

  // A session that is not known is an answer, not an error: the back end that asks wants to refuse its bearer.
  async 'sessions.check'({ core, params, body }) {
    const [session] = await core.sessions.byIds(params.tenant, [body.sessionId]);
    if (!session) return { status: 200, body: { live: false } };
    const { state, user } = session;
    return { status: 200, body: { live: state !== 'ended', user: { id: user.id, name: user.name }, state } };
  },
};
