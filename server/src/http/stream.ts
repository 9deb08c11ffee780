import { once } from 'node:events';
import type { Request, Response } from 'express';
import type { Streamed } from './call.js';

/** Who reads nothing for so long is not waited for, in milliseconds. */
const READ_LIMIT_MS = 60_000;

/** Aborts when whoever asked has gone before the answer was given. */
export function goneSignal(res: Response): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort();
  });
  return gone.signal;
}

/**
 * Writes an answer piece by piece, as fast as it is read. What fails before the first piece is answered as a problem; after
 * that it cuts the connection, so that nobody takes a part for the whole.
 */
export async function sendPieces(
  req: Request,
  res: Response,
  { status, contentType, headers = {}, pieces }: Streamed,
): Promise<void> {
  const all = pieces[Symbol.asyncIterator]();
  try {
    let next = await all.next();
    res.status(status);
    res.set({ 'Content-Type': contentType, 'Cache-Control': 'no-store', ...headers });
    while (next.done !== true && req.method !== 'HEAD' && !res.destroyed) {
      if (!res.write(next.value)) await drained(res);
      next = await all.next();
    }
    res.end();
  } finally {
    await all.return?.();
  }
}

/** Resolves when more may be written. @throws Error when nobody reads */
async function drained(res: Response): Promise<void> {
  const closed = new AbortController();
  const gone = (): void => closed.abort();
  res.once('close', gone);
  try {
    await once(res, 'drain', {
      signal: AbortSignal.any([closed.signal, AbortSignal.timeout(READ_LIMIT_MS)]),
    });
  } finally {
    res.off('close', gone);
  }
}
