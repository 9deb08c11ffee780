import { randomFillSync } from 'node:crypto';

/** WebSocket frames as far as a load generator needs them: masked text out, unmasked frames in. */

export const TEXT = 1;
export const CLOSE = 8;

/** Nothing a benchmark asks for is larger; a length beyond it is a mistake of ours. */
const MAX_FRAME_BYTES = 16 * 1_048_576;
const FIN = 0x80;
const MASKED = 0x80;

/** A masked text frame, ready to be written as often as needed: masking costs more than writing. */
export function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const length = payload.length;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.allocUnsafe(2 + extended + 4 + length);
  frame[0] = FIN | TEXT;
  frame[1] = MASKED | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  const maskAt = 2 + extended;
  randomFillSync(frame, maskAt, 4);
  // Servers skip the unmasking of a mask of zeros, which no browser sends.
  frame[maskAt] = (frame[maskAt] as number) | 1;
  for (let i = 0; i < length; i += 1) {
    frame[maskAt + 4 + i] = (payload[i] as number) ^ (frame[maskAt + (i & 3)] as number);
  }
  return frame;
}

/** Called with a frame's payload as a range of bytes, which are only good until the call returns. */
export type FrameListener = (opcode: number, bytes: Buffer, from: number, to: number) => void;

/** Cuts what a server sends into frames. */
export class FrameReader {
  #rest: Buffer | undefined;

  read(chunk: Buffer, listener: FrameListener): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let at = 0;
    while (at + 2 <= bytes.length) {
      const short = bytes[at + 1] as number;
      const head = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (at + head > bytes.length) break;
      const length =
        head === 2 ? short : head === 4 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
      if (length > MAX_FRAME_BYTES) throw new Error(`a frame of ${length} bytes`);
      const end = at + head + length;
      if (end > bytes.length) break;
      listener((bytes[at] as number) & 0x0f, bytes, at + head, end);
      at = end;
    }
    // A copy: the chunk's memory is used again for the next one.
    if (at < bytes.length) this.#rest = Buffer.from(bytes.subarray(at));
  }
}
