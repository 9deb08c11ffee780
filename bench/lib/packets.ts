/** What a server sends, in the namespace the client is in. */
export type Packet =
  | {
      readonly type: 'event';
      readonly id: number | undefined;
      readonly event: string;
      readonly payload: unknown;
    }
  | { readonly type: 'ack'; readonly id: number; readonly answer: unknown }
  | { readonly type: 'other' };

const OTHER: Packet = { type: 'other' };
const [EVENT, ACK, COMMA, DIGIT_0, DIGIT_9] = [0x32, 0x33, 0x2c, 0x30, 0x39];
/** Where `t` of `[{"ok":true` stands, from the bracket on. */
const TRUE_AT = 7;
const LETTER_T = 0x74;

/** Reads any packet; not for hot paths. */
export function readPacket(bytes: Buffer, from: number, to: number): Packet {
  const text = bytes.toString('utf8', from, to);
  const found = /^([23])(?:\/[^,]*,)?(\d*)(\[.*)$/s.exec(text);
  if (!found) return OTHER;
  const [, type, digits, json = '[]'] = found;
  const content = JSON.parse(json) as unknown[];
  const id = digits === '' ? undefined : Number(digits);
  if (type === '3') return id === undefined ? OTHER : { type: 'ack', id, answer: content[0] };
  return { type: 'event', id, event: String(content[0]), payload: content[1] };
}

/** Whether a packet is a certain event. */
export function isEvent(bytes: Buffer, from: number, to: number, event: string): boolean {
  return bytes[from] === EVENT && bytes.subarray(from, to).includes(`["${event}"`);
}

/**
 * The id of an acknowledgement that says `{"ok":true…`, read byte by byte; -1: it says something else, -2: the packet
 * is no acknowledgement.
 */
export function acceptedId(bytes: Buffer, from: number, to: number): number {
  if (bytes[from] !== ACK) return -2;
  let at = bytes.indexOf(COMMA, from) + 1;
  let id = 0;
  for (; at < to; at += 1) {
    const byte = bytes[at] as number;
    if (byte < DIGIT_0 || byte > DIGIT_9) break;
    id = id * 10 + byte - DIGIT_0;
  }
  return bytes[at + TRUE_AT] === LETTER_T ? id : -1;
}

/** The number by which an event is to be acknowledged; undefined: it is not. */
export function eventId(bytes: Buffer, from: number, to: number): number | undefined {
  const digits = /^2(?:\/[^,]*,)?(\d+)\[/.exec(bytes.toString('latin1', from, Math.min(to, from + 48)))?.[1];
  return digits === undefined ? undefined : Number(digits);
}
