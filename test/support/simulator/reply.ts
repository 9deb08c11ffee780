/** What Redis answers. Numbers stay numbers; bulk strings are read as UTF-8. */
export type Reply = string | number | null | Error | Reply[];

const LINE_END = '\r\n';

/** Reads replies of every kind (RESP 2) from bytes as they come. */
export class ReplyParser {
  #bytes = Buffer.alloc(0);
  #at = 0;

  push(chunk: Buffer): Reply[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    this.#at = 0;
    const replies: Reply[] = [];
    let whole = 0;
    for (let reply = this.#read(); reply !== undefined; reply = this.#read()) {
      replies.push(reply);
      whole = this.#at;
    }
    this.#bytes = this.#bytes.subarray(whole);
    return replies;
  }

  /** The next reply; undefined until all of it is there. */
  #read(): Reply | undefined {
    const lineEnd = this.#bytes.indexOf(LINE_END, this.#at);
    if (lineEnd < 0) return undefined;
    const kind = String.fromCharCode(this.#bytes[this.#at] ?? 0);
    const line = this.#bytes.toString('utf8', this.#at + 1, lineEnd);
    this.#at = lineEnd + LINE_END.length;
    switch (kind) {
      case '+':
        return line;
      case '-':
        return new Error(line);
      case ':':
        return Number(line);
      case '$':
        return this.#bulk(Number(line));
      case '*':
        return this.#list(Number(line));
      default:
        throw new Error(`a reply of no known kind: ${kind}${line}`);
    }
  }

  #bulk(length: number): string | null | undefined {
    if (length < 0) return null;
    const end = this.#at + length;
    if (this.#bytes.length < end + LINE_END.length) return undefined;
    const text = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + LINE_END.length;
    return text;
  }

  #list(length: number): Reply[] | null | undefined {
    if (length < 0) return null;
    const items: Reply[] = [];
    for (let i = 0; i < length; i += 1) {
      const item = this.#read();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }
}
