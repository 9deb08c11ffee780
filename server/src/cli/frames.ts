// As much of WebSocket (RFC 6455) as it takes to look at a connection from outside: short texts in one piece.

/** A length of two bytes follows. */
const TWO_BYTES = 126;

/**
 * The text of the first frame a server sent; undefined while it is not whole.
 *
 * @throws {RangeError} for a frame that no opening of Engine.IO is as long as
 */
export function readFrame(bytes: Buffer): string | undefined {
  const [, short] = bytes;
  if (short === undefined) return undefined;
  if (short > TWO_BYTES) throw new RangeError('The frame is too long.');
  const start = short === TWO_BYTES ? 4 : 2;
  if (bytes.length < start) return undefined;
  const end = start + (short === TWO_BYTES ? bytes.readUInt16BE(2) : short);
  return bytes.length < end ? undefined : bytes.toString('utf8', start, end);
}
