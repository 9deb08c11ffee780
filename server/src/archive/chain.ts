import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { AuditRecord } from '@lastcall/shared';

/** A link of a tenant's chain: which one, and what it is known by. */
export interface Link {
  /** Counts the tenant's archived records, from 1. */
  readonly seq: number;
  readonly hash: string;
}

/** Before the first link. */
export const NO_LINK: Link = { seq: 0, hash: '' };

/** One line of the archive. */
export interface Entry extends Link {
  /** The hash of the link before; empty for the first. */
  readonly prev: string;
  /** Which key it is signed with; none: it is hashed only. */
  readonly key?: string;
  readonly record: AuditRecord;
}

/** What somebody says of the chain at one link, to be compared with the chain later. */
export interface Checkpoint extends Link {
  readonly key?: string;
  readonly epoch: number;
  readonly rev: number;
  readonly at: number;
}

interface Key {
  readonly id: string;
  readonly secret: string;
}

const HASH = /^,"hash":"([0-9a-f]{64})"}$/;
const HASH_BYTES = 75;

/** The keys that lines are signed with: the first one signs, all of them prove. */
export class Keys {
  readonly #keys: readonly Key[];

  /** @param text keys, separated by white space; none: lines are hashed without one */
  constructor(text: string | undefined) {
    const secrets = (text ?? '').split(/\s+/).filter((secret) => secret !== '');
    this.#keys = secrets.map((secret) => ({ id: idOf(secret), secret }));
  }

  get areGiven(): boolean {
    return this.#keys.length > 0;
  }

  /** Completes a line: the text of an object, without its hash. */
  seal(fields: object): { readonly line: string; readonly hash: string } {
    const [key] = this.#keys;
    const body = JSON.stringify(key ? { key: key.id, ...fields } : fields).slice(0, -1);
    const hash = hashOf(Buffer.from(body), key);
    return { line: `${body},"hash":"${hash}"}\n`, hash };
  }

  /** The object a sealed line holds, or why it cannot be trusted. Its line break is left out. */
  open(line: Buffer): { readonly value: object; readonly hash: string } | { readonly fault: string } {
    const body = line.subarray(0, -HASH_BYTES);
    const hash = HASH.exec(line.subarray(-HASH_BYTES).toString('latin1'))?.[1];
    const value = hash === undefined ? undefined : objectOf(`${body.toString()}}`);
    if (hash === undefined || value === undefined) return { fault: 'it is not a line of the archive' };
    const id = 'key' in value ? String(value.key) : undefined;
    const key = this.#keys.find((known) => known.id === id);
    if (id !== undefined && key === undefined)
      return { fault: `it is signed with a key that is not known (${id})` };
    if (!timingSafeEqual(Buffer.from(hash), Buffer.from(hashOf(body, key))))
      return { fault: 'its hash is not that of its content' };
    return { value, hash };
  }
}

/** Names a key without telling it. */
function idOf(secret: string): string {
  return createHash('sha256').update(`lastcall audit key ${secret}`).digest('hex').slice(0, 8);
}

function hashOf(body: Buffer, key: Key | undefined): string {
  const hash = key ? createHmac('sha256', key.secret) : createHash('sha256');
  return hash.update(body).digest('hex');
}

function objectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The line of a record that follows a link. The same record after the same link is the same line, whoever writes it. */
export function lineOf(
  record: AuditRecord,
  after: Link,
  keys: Keys,
): { readonly line: string; readonly link: Link } {
  const seq = after.seq + 1;
  const { line, hash } = keys.seal({ seq, prev: after.hash, record });
  return { line, link: { seq, hash } };
}

/** A line of the archive, or why it cannot be trusted. */
export function entryOf(line: Buffer, keys: Keys): Entry | { readonly fault: string } {
  const opened = keys.open(line);
  return 'fault' in opened ? opened : ({ ...opened.value, hash: opened.hash } as Entry);
}

/** The record in a line, whether the line can be trusted or not; none: there is none to be read. */
export function recordIn(line: Buffer): AuditRecord | undefined {
  const value = objectOf(line.toString());
  return value && 'record' in value ? (value.record as AuditRecord) : undefined;
}

/** The line that notes how far the chain had come. */
export function checkpointLine({ seq, hash }: Link, { epoch, rev, at }: AuditRecord, keys: Keys): string {
  return keys.seal({ checkpoint: { seq, hash, epoch, rev, at } }).line;
}

/** A line of the checkpoints, or why it cannot be trusted. */
export function checkpointOf(line: Buffer, keys: Keys): Checkpoint | { readonly fault: string } {
  const opened = keys.open(line);
  if ('fault' in opened) return opened;
  const { checkpoint, key } = opened.value as { checkpoint?: Checkpoint; key?: string };
  if (checkpoint === undefined) return { fault: 'it is not a checkpoint' };
  return key === undefined ? checkpoint : { ...checkpoint, key };
}
