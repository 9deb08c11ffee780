import { useInsertionEffect, useRef } from 'react';

/** What the component was last drawn with. Passive effects may come late, and a save that comes first would write old work. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useInsertionEffect(() => {
    latest.current = value;
  });
  return latest;
}
