import type { Session } from '@lastcall/shared';
import { useCallback, useMemo, useState } from 'react';

/** Which sessions are selected; one that has ended is not any more. */
export interface Selection {
  readonly sessions: readonly Session[];
  readonly has: (id: string) => boolean;
  readonly hasAll: (ids: readonly string[]) => boolean;
  readonly set: (ids: readonly string[], isOn: boolean) => void;
  readonly clear: () => void;
}

export function useSelection(all: ReadonlyMap<string, Session>): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const set = useCallback((changed: readonly string[], isOn: boolean) => {
    setIds((before) => {
      const after = new Set(before);
      for (const id of changed) {
        if (isOn) after.add(id);
        else after.delete(id);
      }
      return after;
    });
  }, []);
  const clear = useCallback(() => setIds(new Set()), []);
  return useMemo(
    () => ({
      sessions: [...ids].flatMap((id) => all.get(id) ?? []),
      has: (id) => ids.has(id),
      hasAll: (some) => some.every((id) => ids.has(id)),
      set,
      clear,
    }),
    [ids, all, set, clear],
  );
}
