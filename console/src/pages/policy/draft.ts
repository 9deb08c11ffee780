import type { Policy, PolicySettings } from '@lastcall/shared';
import { useEffect, useState } from 'react';
import { useConsole, useFeed } from '../../data/context.js';
import { changedIn, settingsOf } from './settings.js';

/** What an administrator is changing: from which policy, and to what. */
export interface Draft {
  readonly base: Policy;
  readonly settings: PolicySettings;
}

/** Drafts by tenant: who looks at another page meanwhile finds the own changes again. */
const kept = new Map<string, Draft>();

/** Somebody else's newer policy with the own changes over it. */
export function merged({ base, settings }: Draft, newer: Policy): Draft {
  const own = Object.fromEntries(changedIn(settingsOf(base), settings).map((name) => [name, settings[name]]));
  return { base: newer, settings: { ...settingsOf(newer), ...own } };
}

const isChanged = ({ base, settings }: Draft): boolean => changedIn(settingsOf(base), settings).length > 0;

function useWarningBeforeLeaving(isNeeded: boolean): void {
  useEffect(() => {
    if (!isNeeded) return undefined;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [isNeeded]);
}

/** The draft of the tenant's policy; while nothing is changed in it, it is the policy as it is. */
export function useDraft() {
  const { tenant } = useConsole();
  const { policy } = useFeed('policy');
  const [draft, setDraft] = useState(() => kept.get(tenant));
  const current =
    draft && isChanged(draft) ? draft : policy && { base: policy, settings: settingsOf(policy) };
  const change = (next: Draft | undefined): void => {
    if (next && isChanged(next)) kept.set(tenant, next);
    else kept.delete(tenant);
    setDraft(next);
  };
  const hasChanges = current !== undefined && isChanged(current);
  useWarningBeforeLeaving(hasChanges);
  return {
    draft: current,
    hasChanges,
    /** What somebody else has made of the policy since the draft was begun. */
    newer: current && policy && policy.version > current.base.version ? policy : undefined,
    change,
  };
}
