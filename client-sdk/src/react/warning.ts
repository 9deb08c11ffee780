import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type { SaveResult } from '../saving.js';
import type { SessionClient } from '../session-client.js';
import type { Warning } from '../snapshot.js';
import { mostUrgent } from '../view/most-urgent.js';
import { useClient } from './context.js';
import { useSecondsLeft } from './seconds-left.js';

export interface WarningView extends Warning {
  /** Seconds until the deadline. */
  readonly secondsLeft: number;
  /** Saves what is unsaved, and lets the session end if that succeeded. */
  readonly saveAndEnd: () => Promise<SaveResult>;
  /**
   * The person has read it: a warning for idleness ends, a message is shown no more, and administrators see it.
   * @throws LastcallError `unavailable`, `not_found`
   */
  readonly dismiss: () => Promise<void>;
  /**
   * Asks for more time, in milliseconds.
   * @returns milliseconds left
   * @throws LastcallError `unavailable`, `extension_refused`
   */
  readonly extend: (ms: number) => Promise<number>;
}

/**
 * The warning to show now, with the time left, which counts down; undefined while there is none.
 * @throws LastcallError `invalid` without a provider
 */
export function useWarning(): WarningView | undefined {
  const client = useClient();
  const read = useCallback(() => mostUrgent(client), [client]);
  const warning = useSyncExternalStore(client.subscribe, read, () => undefined);
  const secondsLeft = useSecondsLeft(client, warning?.orderId) ?? 0;
  return useMemo(
    () => warning && { ...warning, ...actionsOf(client, warning), secondsLeft },
    [client, warning, secondsLeft],
  );
}

function actionsOf(
  client: SessionClient,
  { orderId, reason }: Warning,
): Omit<WarningView, keyof Warning | 'secondsLeft'> {
  return {
    saveAndEnd: () => client.saveAndEnd(),
    dismiss: () => (reason === 'idle' ? client.dismiss() : client.seen(orderId)),
    extend: (ms) => client.extend(orderId, ms),
  };
}
