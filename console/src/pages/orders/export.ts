import { MAX_PAGE, type Receipt } from '@lastcall/shared';
import type { Api } from '../../data/api.js';
import { csvOf, download } from '../../data/download.js';

/** Receipts that one file has at most. */
const MAX_EXPORTED = 100_000;
const COLUMNS = ['sessionId', 'userId', 'userName', 'state', 'outcome', 'verified'] as const;
const INSTANTS = ['deliveredAt', 'seenAt', 'savedAt', 'endedAt'] as const;
const CHECKS = ['registry', 'sockets', 'locks', 'reentry'] as const;

async function receiptsOf(api: Api, orderId: string): Promise<readonly Receipt[]> {
  const all: Receipt[] = [];
  let cursor: string | undefined;
  do {
    const page = await api.receipts(orderId, { limit: MAX_PAGE, ...(cursor ? { cursor } : {}) });
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined && all.length < MAX_EXPORTED);
  return all;
}

function rowOf(receipt: Receipt): readonly (string | undefined)[] {
  const { sessionId, user, state, outcome, verified, checks } = receipt;
  return [
    sessionId,
    user.id,
    user.name,
    state,
    outcome,
    verified === undefined ? undefined : String(verified),
    ...INSTANTS.map((name) => {
      const at = receipt[name];
      return at === undefined ? undefined : new Date(at).toISOString();
    }),
    ...CHECKS.map((check) => (checks ? String(checks[check].ok) : undefined)),
  ];
}

/** Offers an order's receipts as a file. @throws {ApiError} */
export async function exportReceipts(api: Api, orderId: string, kind: 'csv' | 'json'): Promise<void> {
  const receipts = await receiptsOf(api, orderId);
  const blob =
    kind === 'csv'
      ? csvOf([[...COLUMNS, ...INSTANTS, ...CHECKS], ...receipts.map(rowOf)])
      : new Blob([JSON.stringify(receipts, undefined, 2)], { type: 'application/json' });
  download(blob, `receipts-${orderId}.${kind}`);
}
