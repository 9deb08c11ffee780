import type { Link } from '../archive/chain.js';
import type { Place } from '../archive/writer.js';
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
  return link && { ...link, epoch, rev };
}

/** The rev after which the stream goes on behind a record. */
export function revOf(
  { epoch, rev }: Position,
  now: { readonly epoch: number; readonly after: number },
): number {
  // Data was lost: the records of the epoch there is now follow those that are left.
  return epoch === now.epoch ? rev : Math.min(rev, now.after);
}
