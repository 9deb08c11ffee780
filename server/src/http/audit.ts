import type { Handlers } from './call.js';
import { given, toWirePage } from './page.js';

export const AUDIT_HANDLERS: Handlers<'audit.list'> = {
  async 'audit.list'({ core, actor, params, query: { limit, cursor, ...asked } }) {
    const { to, ...filter } = asked;
    // On the wire `to` is the first instant left out; core takes the last one wanted.
    const wanted = to === undefined ? filter : { ...filter, to: to - 1 };
    const page = await core.audit.list(params.tenant, given(wanted), given({ limit, cursor }));
    // Nothing of the trail is handed out before it says so itself.
    await core.audit.note(params.tenant, 'audit.read', actor, { details: { ...asked } });
    return { status: 200, body: toWirePage(page) };
  },
};
