/** A refusal by the engine, kept apart from a reply that merely reads like one. */
export class EngineRefusal extends Error {
  override readonly name = 'EngineRefusal';
}

export type Reply = string | EngineRefusal;

const LINE_END = '\r\n';

/** Encodes one command the way every Redis client does. */
export function encodeCommand(words: readonly string[]): Buffer {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}${LINE_END}${word}${LINE_END}`);
  return Buffer.from(`*${words.length}${LINE_END}${parts.join('')}`);
}

/**
 * Reads the replies of the few commands the bridge itself sends (`CONFIG SET`, `AUTH`, `INFO`, `SAVE`): status,
 * error and bulk replies. Everything else on the wire is between the engine and real clients.
 */
export class ReplyReader {
  #bytes = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
  }

  /** The next whole reply, or `undefined` until more bytes arrive. */
  next(): Reply | undefined {
    const lineEnd = this.#bytes.indexOf(LINE_END);
    if (lineEnd < 0) return undefined;
    const line = this.#bytes.toString('utf8', 1, lineEnd);
    const afterLine = lineEnd + LINE_END.length;
    const kind = String.fromCharCode(this.#bytes[0] ?? 0);
    if (kind === '+') return this.#take(afterLine, line);
    if (kind === '-') return this.#take(afterLine, new EngineRefusal(line));
    if (kind !== '$')
      throw new Error(`The embedded engine sent a reply of an unexpected kind: ${kind}${line}`);
    const bodyEnd = afterLine + Number(line);
    if (this.#bytes.length < bodyEnd + LINE_END.length) return undefined;
    return this.#take(bodyEnd + LINE_END.length, this.#bytes.toString('utf8', afterLine, bodyEnd));
  }

  #take(length: number, reply: Reply): Reply {
    this.#bytes = this.#bytes.subarray(length);
    return reply;
  }
}
