import type { SessionClient } from '../session-client.js';
import type { Warning } from '../snapshot.js';

const isEnd = ({ action }: Warning): number => Number(action === 'logoff');

/** The logoff that comes first; otherwise the message that was not read yet and ends first. */
export function mostUrgent(client: Pick<SessionClient, 'getSnapshot' | 'remainingMs'>): Warning | undefined {
  const left = ({ orderId }: Warning): number => client.remainingMs(orderId) ?? 0;
  const [first] = client
    .getSnapshot()
    .warnings.filter(({ action, seen }) => action === 'logoff' || !seen)
    .toSorted((a, b) => isEnd(b) - isEnd(a) || left(a) - left(b));
  return first;
}
