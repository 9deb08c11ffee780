import { invalid } from '../schema/parse.js';
import type { Handlers } from './call.js';

export const REVIEW_HANDLERS: Handlers<'review.get'> = {
  async 'review.get'({ core, actor, params, query: { since } }) {
    if (since !== undefined && since > core.clock.now()) {
      throw invalid([{ path: 'since', message: 'must be in the past' }]);
    }
    const review = await core.reviews.get(params.tenant, since);
    // As with the trail itself: nothing of it is handed out before that is recorded.
    const details = { review: true, since: review.since };
    await core.audit.note(params.tenant, 'audit.read', actor, { details });
    return { status: 200, body: review };
  },
};
