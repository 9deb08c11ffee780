import type { Link } from '../archive/chain.js';
import type { Place } from '../archive/writer.js';
import type { Store } from '../redis/store.js';
import type { Claimed, Position } from '../right.js';

/** A link as it stands beside the right to archive. */
export function markOf({ seq, hash }: Link): string {
  return `${seq}|${hash}`;
}

/** The link of a mark; none: nothing was ever archived. */
export function linkOf(mark: string | undefined | null): Link | undefined {
  const [seq = '', hash = ''] = (mark ?? '').split('|');
  return seq === '' ? undefined : { seq: Number(seq), hash };
}

/** How far the archive is, as Redis knows. */
export function leasedPlace({ mark, epoch, rev }: Claimed): Place | undefined {
  const link = linkOf(mark);
  return link && { ...link, epoch, rev, at: 0 };
}

/** The rev after which the stream goes on behind a record. */
export function revOf(
  { epoch, rev }: Position,
  now: { readonly epoch: number; readonly after: number },
): number {
  // Data was lost: the records of the epoch there is now follow those that are left.
  return epoch === now.epoch ? rev : Math.min(rev, now.after);
}

/**
 * Whether Redis came back with older data, and does not have the last archived record any more, be it that another one
 * has its number by now: what follows must not look like what is archived already, so that a new epoch was begun.
 * @throws LastcallError `unavailable`
 */
export async function renewIfUnknown(store: Store, tenant: string, place: Place): Promise<boolean> {
  const { epoch, rev, at } = place;
  return (await store.run<{ renewed: boolean }>('log_renew', tenant, [epoch, rev, at])).renewed;
}
