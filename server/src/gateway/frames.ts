import { CLIENT_NAMESPACE } from '@lastcall/shared';

/** The text of a heartbeat that says nothing but how long ago the last input was: number of the packet, idle time. */
const WHOLE = '(0|[1-9]\\d{0,14})';
const HEARTBEAT = new RegExp(
  `^42${CLIENT_NAMESPACE},${WHOLE}\\["heartbeat",\\{(?:"n":${WHOLE},)?"idleMs":${WHOLE}\\}\\]$`,
);

/** The final text frame of a message (RFC 6455, section 5.2): masked by the client, its length in the header. */
const FINAL_TEXT = 0x81;
const MASKED = 0x80;
const MASK_AT = 2;
const PAYLOAD_AT = 6;
const TWO_BYTES_FOLLOW = 126;
const SHORT = 125;
const LONG = 0xffff;

/** Texts are read here, one after the other. */
const TEXT = Buffer.allocUnsafe(SHORT);

/** A heartbeat's number and idle time in ms, if a chunk is exactly the frame of one that says no more. */
export function heartbeatIn(chunk: Buffer): { readonly number: string; readonly idleMs: number } | undefined {
  const length = chunk.length - PAYLOAD_AT;
  if (length < 1 || length > SHORT || chunk[0] !== FINAL_TEXT || chunk[1] !== (MASKED | length))
    return undefined;
  for (let i = 0; i < length; i += 1) {
    TEXT[i] = (chunk[PAYLOAD_AT + i] as number) ^ (chunk[MASK_AT + (i & 3)] as number);
  }
  const found = HEARTBEAT.exec(TEXT.toString('latin1', 0, length));
  return found ? { number: found[1] as string, idleMs: Number(found[3]) } : undefined;
}

/** A text as one frame, not masked, as a server sends it; undefined if it takes a longer header. */
export function frameOf(text: string): Buffer | undefined {
  const length = Buffer.byteLength(text);
  if (length > LONG) return undefined;
  const header = length > SHORT ? 4 : 2;
  const frame = Buffer.allocUnsafe(header + length);
  frame[0] = FINAL_TEXT;
  if (length > SHORT) {
    frame[1] = TWO_BYTES_FOLLOW;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = length;
  }
  frame.write(text, header);
  return frame;
}
