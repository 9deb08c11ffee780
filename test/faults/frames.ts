/** Takes a byte stream of WebSocket frames apart, so that whole messages can be sent twice or in another order. */

/** What a Socket.IO event begins with; other packets (pings, connections) are the transport's own. */
const EVENT = '42';
const MASKED = 0x80;
const LENGTH = 0x7f;
const SHORT = 126;
const LONG = 127;

export interface Frame {
  readonly bytes: Buffer;
  /** Whether it carries an event of an application. */
  readonly isEvent: boolean;
}

export class Frames {
  #rest = Buffer.alloc(0);
  #isOpen = false;

  /** The whole pieces that are there now: the HTTP upgrade first, then frame after frame. */
  take(bytes: Buffer): readonly Frame[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const found: Frame[] = [];
    for (let size = this.#size(); size > 0 && size <= this.#rest.length; size = this.#size()) {
      const piece = this.#rest.subarray(0, size);
      found.push({ bytes: piece, isEvent: this.#isOpen && isEvent(piece) });
      this.#rest = this.#rest.subarray(size);
      this.#isOpen = true;
    }
    return found;
  }

  /** Length of the piece in front; 0: not known yet. */
  #size(): number {
    const bytes = this.#rest;
    if (!this.#isOpen) return bytes.indexOf('\r\n\r\n') + 4 > 3 ? bytes.indexOf('\r\n\r\n') + 4 : 0;
    if (bytes.length < 10) return bytes.length >= 2 && headOf(bytes) <= bytes.length ? sizeOf(bytes) : 0;
    return sizeOf(bytes);
  }
}

function headOf(bytes: Buffer): number {
  const second = bytes[1] ?? 0;
  const length = second & LENGTH;
  return 2 + (length === SHORT ? 2 : length === LONG ? 8 : 0) + (second & MASKED ? 4 : 0);
}

function sizeOf(bytes: Buffer): number {
  const length = (bytes[1] ?? 0) & LENGTH;
  const payload =
    length === SHORT ? bytes.readUInt16BE(2) : length === LONG ? Number(bytes.readBigUInt64BE(2)) : length;
  return headOf(bytes) + payload;
}

function isEvent(frame: Buffer): boolean {
  const head = headOf(frame);
  const begin = frame.subarray(head, head + EVENT.length);
  if (((frame[1] ?? 0) & MASKED) === 0) return begin.toString() === EVENT;
  const mask = frame.subarray(head - 4, head);
  return Buffer.from(begin.map((byte, i) => byte ^ (mask[i] ?? 0))).toString() === EVENT;
}
