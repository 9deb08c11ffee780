import type { Handlers } from './call.js';
import { exported, formatOf } from './export.js';
import { given, toWirePage } from './page.js';

export const AUDIT_HANDLERS: Handlers<'audit.list' | 'audit.verify'> = {
  async 'audit.list'({ core, actor, params, query: { limit, cursor, ...asked }, header }) {
    const { tenant } = params;
    const { to, ...filter } = asked;
    // On the wire `to` is the first instant left out; core takes the last one wanted.
    const wanted = given(to === undefined ? filter : { ...filter, to: to - 1 });
    const format = formatOf(header('accept'));
    if (format !== undefined) {
      await core.audit.note(tenant, 'audit.read', actor, { details: { ...asked, format } });
      return exported(core.archive.records(tenant, wanted), format, tenant);
    }
    const page = await core.audit.list(tenant, wanted, given({ limit, cursor }));
    // Nothing of the trail is handed out before it says so itself.
    await core.audit.note(tenant, 'audit.read', actor, { details: { ...asked } });
    return { status: 200, body: toWirePage(page) };
  },
  async 'audit.verify'({ core, actor, params, query, signal }) {
    const verdict = await core.archive.verify(params.tenant, query.from, signal);
    await core.audit.note(params.tenant, 'audit.read', actor, { details: { verified: verdict.ok } });
    return { status: 200, body: verdict };
  },
};
