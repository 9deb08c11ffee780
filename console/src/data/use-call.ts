import { useCallback, useEffect, useRef, useState } from 'react';

/** What a call has answered, or was refused with. */
export interface Called<T> {
  readonly value: T | undefined;
  readonly error: unknown;
  readonly isBusy: boolean;
  readonly again: () => void;
}

/**
 * The answer to a call that only reads; it is asked again when `key` changes, and the last answer stays until then.
 * An answer that comes after its key has changed is dropped.
 */
export function useCall<T>(key: string, call: (signal: AbortSignal) => Promise<T>): Called<T> {
  const [state, setState] = useState<Omit<Called<T>, 'again'>>({
    value: undefined,
    error: undefined,
    isBusy: true,
  });
  const [round, setRound] = useState(0);
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    const asked = new AbortController();
    setState(({ value, error }) => ({ value, error, isBusy: true }));
    const run = async (): Promise<void> => {
      try {
        const value = await latest.current(asked.signal);
        if (!asked.signal.aborted) setState({ value, error: undefined, isBusy: false });
      } catch (error) {
        if (!asked.signal.aborted) setState(({ value }) => ({ value, error, isBusy: false }));
      }
    };
    void run();
    return () => asked.abort();
  }, [key, round]);
  const again = useCallback(() => setRound((before) => before + 1), []);
  return { ...state, again };
}
