import type { Policy } from '@lastcall/shared';
import { invalid } from '../schema/parse.js';
import type { Handlers } from './call.js';

/** Proxies that compress mark an ETag as weak; it names the same version. */
const VERSION_TAG = /^(?:W\/)?"(\d{1,15})"$/;

function answer(policy: Policy) {
  return { status: 200, body: policy, headers: { ETag: `"${policy.version}"` } } as const;
}

/** @throws {LastcallError} `invalid` without a version: settings are never replaced unseen. */
function versionOf(ifMatch: string | undefined): number {
  const version = VERSION_TAG.exec(ifMatch ?? '')?.[1];
  if (version === undefined) {
    throw invalid([
      { path: 'If-Match', message: 'must be the ETag of the settings that were read, such as "3"' },
    ]);
  }
  return Number(version);
}

export const POLICY_HANDLERS: Handlers<'policy.get' | 'policy.set'> = {
  async 'policy.get'({ core, params }) {
    return answer(await core.policies.get(params.tenant));
  },

  async 'policy.set'({ core, actor, params, body, header }) {
    const version = versionOf(header('if-match'));
    return answer(await core.policies.set(params.tenant, version, body, actor));
  },
};
