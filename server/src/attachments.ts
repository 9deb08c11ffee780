import { randomBytes } from 'node:crypto';
import type { App, Device, Identity } from '@lastcall/shared';
import { SparseMap } from './sparse.js';

/** What a client says of itself when it opens a session, and where it comes from. */
export interface OpenRequest {
  readonly app?: App;
  readonly device?: Device;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly resume?: { readonly sessionId: string; readonly key: string };
  readonly address: string;
}

/** A session's hold on one socket of this node. What is mutable is the node's memory of what it last told Redis. */
export interface Attachment {
  /** Known to this node alone: by it a socket is given up that it may have got without hearing of it. */
  readonly claim: string;
  readonly tenant: string;
  readonly sessionId: string;
  readonly resumeKey: string;
  readonly request: OpenRequest;
  identity: Identity;
  /** Rises with each socket the session gets; an older one is superseded. */
  attach: number;
  /** The last record that its welcome tells of. */
  epoch: number;
  rev: number;
  idle: boolean;
  /** The warning of its idle logoff, while there is one: news of the person is waited for. */
  idleOrder: string | undefined;
  /** The orders its client was warned of, and when each ends this session: more time of its own included. */
  readonly endsAt: SparseMap<string, number>;
  /** The person's last input that was told of, on this process' monotonic clock. */
  inputAt: number;
  dirty: boolean;
  view: string;
  idleAfterMs: number;
  /** Its end was taken up by this node; nothing else is to be written for it. */
  ended: boolean;
}

const CLAIM_BYTES = 12;
/** Orders that a session is remembered to be under; the oldest is forgotten first. */
const MAX_ORDERS = 128;

export function newAttachment(
  identity: Identity,
  request: OpenRequest,
  sessionId: string,
  resumeKey: string,
): Attachment {
  return {
    claim: randomBytes(CLAIM_BYTES).toString('base64url'),
    tenant: identity.tenant,
    sessionId,
    resumeKey,
    request,
    identity,
    attach: 1,
    epoch: 0,
    rev: 0,
    idle: false,
    idleOrder: undefined,
    endsAt: new SparseMap(),
    inputAt: Number.NEGATIVE_INFINITY,
    dirty: false,
    view: '',
    idleAfterMs: Number.POSITIVE_INFINITY,
    ended: false,
  };
}

/** Notes that a session's client is told of an order, or of more time under it; a deadline never moves back. */
export function noteOrder({ endsAt }: Attachment, orderId: string, at: number): number {
  const latest = Math.max(at, endsAt.get(orderId) ?? 0);
  endsAt.set(orderId, latest);
  const [oldest] = endsAt;
  if (endsAt.size > MAX_ORDERS && oldest) endsAt.delete(oldest[0]);
  return latest;
}

/** The sockets of sessions that this node holds. */
export class Attachments {
  readonly #all = new Set<Attachment>();

  add(attachment: Attachment): void {
    this.#all.add(attachment);
  }

  /** Whether it was there. */
  remove(attachment: Attachment): boolean {
    return this.#all.delete(attachment);
  }

  get size(): number {
    return this.#all.size;
  }
}
