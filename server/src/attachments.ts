import type { App, Device, Identity } from '@lastcall/shared';

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
  /** The person's last input that was told of, on this process' monotonic clock. */
  inputAt: number;
  dirty: boolean;
  view: string;
  idleAfterMs: number;
  /** Its end was taken up by this node; nothing else is to be written for it. */
  ended: boolean;
}

export function newAttachment(
  identity: Identity,
  request: OpenRequest,
  sessionId: string,
  resumeKey: string,
): Attachment {
  return {
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
    inputAt: Number.NEGATIVE_INFINITY,
    dirty: false,
    view: '',
    idleAfterMs: Number.POSITIVE_INFINITY,
    ended: false,
  };
}

/** The sessions whose sockets this node holds. */
export class Attachments {
  readonly #bySession = new Map<string, Attachment>();
  readonly #all = new Set<Attachment>();

  static #key(tenant: string, sessionId: string): string {
    return `${tenant}/${sessionId}`;
  }

  add(attachment: Attachment): void {
    this.#all.add(attachment);
    this.#bySession.set(Attachments.#key(attachment.tenant, attachment.sessionId), attachment);
  }

  /** Whether it was there. */
  remove(attachment: Attachment): boolean {
    const key = Attachments.#key(attachment.tenant, attachment.sessionId);
    if (this.#bySession.get(key) === attachment) this.#bySession.delete(key);
    return this.#all.delete(attachment);
  }

  /** The newest attachment of a session here. */
  get(tenant: string, sessionId: string): Attachment | undefined {
    return this.#bySession.get(Attachments.#key(tenant, sessionId));
  }

  get size(): number {
    return this.#all.size;
  }
}
