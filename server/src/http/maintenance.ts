import type { Handlers } from './call.js';

type MaintenanceRoute = 'maintenance.get' | 'maintenance.set' | 'maintenance.lift';

export const MAINTENANCE_HANDLERS: Handlers<MaintenanceRoute> = {
  async 'maintenance.get'({ core, params }) {
    return { status: 200, body: await core.maintenance.get(params.tenant) };
  },

  async 'maintenance.set'({ core, actor, params, body }) {
    return { status: 200, body: await core.maintenance.set(params.tenant, body, actor) };
  },

  async 'maintenance.lift'({ core, actor, params }) {
    const order = await core.maintenance.lift(params.tenant, actor);
    return { status: 200, body: { lifted: true, ...(order ? { order } : {}) } };
  },
};
