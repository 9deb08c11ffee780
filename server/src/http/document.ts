import { createHash } from 'node:crypto';
import type { RequestHandler } from 'express';

const MAX_AGE_SECONDS = 300;

/** The document for those who find it below this path. */
function make(base: string, document: object) {
  const text = JSON.stringify(document);
  const tag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
  return { base, text, tag };
}

/**
 * Serves a document, made at the first request and kept by whoever asked until it changes.
 *
 * @param place what depends on the path it is found below, which is empty at the root
 */
export function serveDocument(
  build: () => object,
  place: (base: string) => object = () => ({}),
): RequestHandler {
  let built: object | undefined;
  let made: ReturnType<typeof make> | undefined;
  return (req, res) => {
    built ??= build();
    if (made?.base !== req.baseUrl) made = make(req.baseUrl, { ...built, ...place(req.baseUrl) });
    res.set({ 'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`, ETag: made.tag });
    if (req.get('if-none-match') === made.tag) {
      res.status(304).end();
      return;
    }
    res.set('Content-Type', 'application/json; charset=utf-8').end(made.text);
  };
}
