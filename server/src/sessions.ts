import { createHash, randomBytes } from 'node:crypto';
import {
  type Actor,
  type EndReason,
  type Identity,
  LastcallError,
  type Page,
  type Session,
  type SessionState,
  type Welcome,
} from '@lastcall/shared';
import { v7 as uuid } from 'uuid';
import { type Attachment, type Attachments, newAttachment, type OpenRequest } from './attachments.js';
import type { StoreClock } from './clock.js';
import { Later } from './later.js';
import type { Nodes } from './nodes.js';
import type { Bus } from './redis/bus.js';
import { listOf, mayHaveRun, type Store } from './redis/store.js';
import { Reports } from './reports.js';
import { type StoredSession, sessionOf } from './session-view.js';
import { type AskedOf, type StoredWelcome, welcomeOf } from './welcome.js';

export interface Opened {
  readonly attachment: Attachment;
  readonly welcome: Welcome;
  /** Who asks for its locks. */
  readonly asked: readonly AskedOf[];
}

export interface SessionFilter {
  readonly user?: string;
  readonly state?: SessionState;
  readonly app?: string;
  readonly node?: string;
  readonly minIdleMs?: number;
  /** Any part of the user's name or id, the view or the address; upper and lower case are the same. */
  readonly q?: string;
}

export interface SessionChange {
  readonly idleMs?: number;
  readonly dirty?: boolean;
  readonly view?: string;
  readonly detached?: true;
}

interface StoredPage {
  now: number;
  items: readonly (StoredSession & { readonly place: string })[];
  cursor?: string;
  total: number;
}

const RESUME_KEY_BYTES = 32;
const READ_PAGE = 100;
const LOOK_LIMIT = 5_000;

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

function isWanted(session: Session, filter: SessionFilter, now: number): boolean {
  if (filter.state !== undefined && session.state !== filter.state) return false;
  if (filter.app !== undefined && session.app?.name !== filter.app) return false;
  if (filter.node !== undefined && session.node !== filter.node) return false;
  if (filter.minIdleMs !== undefined && now - session.lastInputAt < filter.minIdleMs) return false;
  if (filter.q === undefined) return true;
  const text = [session.user.id, session.user.name, session.view, session.address].join('\n').toLowerCase();
  return text.includes(filter.q.toLowerCase());
}

/** Who is working in an application: opened, resumed, looked at, ended. */
export class Sessions {
  readonly #store: Store;
  readonly #bus: Bus;
  readonly #clock: StoreClock;
  readonly #nodes: Nodes;
  readonly #attachments: Attachments;
  readonly #watch: (tenant: string) => void;
  readonly #later = new Later();
  readonly #reports: Reports;

  constructor(parts: {
    store: Store;
    bus: Bus;
    clock: StoreClock;
    nodes: Nodes;
    attachments: Attachments;
    /** Makes sure that a tenant is swept. */
    watch: (tenant: string) => void;
    /** Whether more is due in a tenant than could be done yet. */
    isBehind: (tenant: string) => boolean;
  }) {
    this.#store = parts.store;
    this.#bus = parts.bus;
    this.#clock = parts.clock;
    this.#nodes = parts.nodes;
    this.#attachments = parts.attachments;
    this.#watch = parts.watch;
    this.#reports = new Reports(parts.store, parts.nodes, parts.isBehind);
  }

  /**
   * Opens a session, or resumes the one the client names; an unknown id gives a new one.
   * @throws LastcallError `session_ended` (with `ended`), `forbidden` (wrong key), `blocked`,
   * `maintenance`, `session_limit`, `unavailable`
   */
  async open(identity: Identity, request: OpenRequest): Promise<Opened> {
    await this.#bus.follow(identity.tenant);
    try {
      const resumed = request.resume ? await this.#resume(identity, request, request.resume) : undefined;
      const opened = resumed ?? (await this.#openNew(identity, request));
      this.#attachments.add(opened.attachment);
      return opened;
    } catch (error) {
      this.#bus.unfollow(identity.tenant);
      throw error;
    }
  }

  /** The data of a session was lost while its client was connected: it is opened anew from its verified token. */
  async reopen(attachment: Attachment): Promise<Welcome> {
    return welcomeOf(await this.#openStored(attachment), attachment, true, this.#clock);
  }

  /**
   * A socket is gone. Its session stays, without a socket, until its lease runs out. While Redis is away the news
   * waits.
   */
  async detach(attachment: Attachment): Promise<void> {
    if (this.#attachments.remove(attachment)) this.#bus.unfollow(attachment.tenant);
    if (!attachment.ended) await this.#later.say(() => this.#detach(attachment));
  }

  /** Writes what changed of a session besides its lease. */
  async change(attachment: Attachment, change: SessionChange): Promise<void> {
    const args = [attachment.sessionId, attachment.attach, JSON.stringify(change)];
    await this.#store.run('session_state', attachment.tenant, args);
  }

  /** A fresh token prolongs the session. @throws LastcallError `forbidden` for another person's token, `blocked` */
  async refresh(attachment: Attachment, identity: Identity): Promise<{ expiresInMs: number }> {
    if (identity.tenant !== attachment.tenant || identity.user.id !== attachment.identity.user.id) {
      throw new LastcallError('forbidden', 'The token is of another person or tenant. Sign in again.');
    }
    const { id, name, roles } = identity.user;
    const { expiresAt, issuedAt } = identity;
    const args = [attachment.sessionId, id, expiresAt, name, JSON.stringify(roles), issuedAt];
    const answer = await this.#store.run<{ expiresInMs: number }>('session_refresh', attachment.tenant, args);
    attachment.identity = identity;
    return answer;
  }

  /** Ends a session; `false`: it had ended before. */
  async end(
    tenant: string,
    sessionId: string,
    end: { reason: EndReason; by: Actor; message?: string },
  ): Promise<boolean> {
    const args = [sessionId, end.reason, JSON.stringify(end.by), end.message ?? '', this.#nodes.aliveJson()];
    return (await this.#store.run<{ ended: boolean }>('session_end', tenant, args)).ended;
  }

  /**
   * Reports that the socket of an ended session is closed, and whether its client answered `logoff`. While Redis is
   * away the report waits.
   */
  async report(attachment: Attachment, answered: boolean): Promise<void> {
    await this.#later.say(() => this.#reports.report(attachment, answered));
  }

  /** Says what could not be said while Redis was away. */
  async retryReports(): Promise<void> {
    await this.#later.retry();
  }

  /** A page of live sessions by the instant they were opened. */
  async list(
    tenant: string,
    filter: SessionFilter,
    page: { limit: number; cursor?: string },
  ): Promise<Page<Session>> {
    const { user, ...wanted } = filter;
    const index = user === undefined ? 'all' : `user:${user}`;
    const takesAll = Object.keys(wanted).length === 0;
    const items: Session[] = [];
    let cursor: string | undefined = page.cursor ?? '-inf';
    for (let looked = 0; cursor !== undefined && looked < LOOK_LIMIT; looked += READ_PAGE) {
      const size = takesAll ? Math.min(READ_PAGE, page.limit - items.length) : READ_PAGE;
      const answer: StoredPage = await this.#store.run('session_list', tenant, [index, cursor, size]);
      for (const stored of listOf(answer.items)) {
        if (items.length === page.limit) return { items, next: cursor };
        cursor = stored.place;
        const session = sessionOf(stored);
        if (isWanted(session, wanted, answer.now)) items.push(session);
      }
      cursor = answer.cursor;
      if (items.length === page.limit) break;
    }
    return cursor === undefined ? { items } : { items, next: cursor };
  }

  /** How many sessions are live in a tenant. */
  async count(tenant: string): Promise<number> {
    return (await this.#store.run<StoredPage>('session_list', tenant, ['all', '-inf', 1])).total;
  }

  /** Those of the named sessions that are known, ended ones included. */
  async byIds(tenant: string, sessionIds: readonly string[]): Promise<readonly Session[]> {
    const sessions: Session[] = [];
    for (let from = 0; from < sessionIds.length; from += READ_PAGE) {
      const args = ['ids', '-inf', 0, ...sessionIds.slice(from, from + READ_PAGE)];
      const page = await this.#store.run<StoredPage>('session_list', tenant, args);
      sessions.push(...listOf(page.items).map(sessionOf));
    }
    return sessions;
  }

  /** @throws LastcallError `not_found` */
  async get(tenant: string, sessionId: string): Promise<Session> {
    const [session] = await this.byIds(tenant, [sessionId]);
    if (!session)
      throw new LastcallError('not_found', 'There is no such session. It may have ended long ago.');
    return session;
  }

  async #detach(attachment: Attachment): Promise<void> {
    try {
      await this.change(attachment, { detached: true });
    } catch (error) {
      if (!(error instanceof LastcallError) || error.code === 'unavailable') throw error;
      // `superseded` and `not_found`: there is nothing to say of the session any more.
      if (error.code === 'session_ended') await this.report(attachment, false);
    }
  }

  async #resume(
    identity: Identity,
    request: OpenRequest,
    resume: { sessionId: string; key: string },
  ): Promise<Opened | undefined> {
    const { user, expiresAt, issuedAt } = identity;
    const proof = [resume.sessionId, this.#nodes.id, hashOf(resume.key)];
    const person = [expiresAt, user.id, request.address, user.name, JSON.stringify(user.roles)];
    const attachment = newAttachment(identity, request, resume.sessionId, resume.key);
    const args = [...proof, ...person, attachment.claim, issuedAt];
    const stored = await this.#claim<StoredWelcome | { unknown: true }>('session_resume', attachment, args);
    if ('unknown' in stored) return undefined;
    const welcome = welcomeOf(stored, attachment, true, this.#clock);
    return { attachment, welcome, asked: listOf(stored.asked) };
  }

  async #openNew(identity: Identity, request: OpenRequest): Promise<Opened> {
    const resumeKey = randomBytes(RESUME_KEY_BYTES).toString('base64url');
    const attachment = newAttachment(identity, request, uuid(), resumeKey);
    const stored = await this.#openStored(attachment);
    return { attachment, welcome: welcomeOf(stored, attachment, false, this.#clock), asked: [] };
  }

  async #openStored(attachment: Attachment): Promise<StoredWelcome> {
    const { identity, request, sessionId, resumeKey, tenant, attach, claim } = attachment;
    // Before the session: a script cannot write both, and the sweep must know of every tenant.
    await this.#store.addTenant(tenant);
    this.#watch(tenant);
    const { user, signIn, expiresAt, issuedAt } = identity;
    const { app, device, attributes, address } = request;
    const { id: uid, name, roles } = user;
    const who = { uid, name, roles, signIn, app, device, attributes, address };
    const proof = [sessionId, this.#nodes.id, hashOf(resumeKey)];
    const args = [...proof, expiresAt, issuedAt, JSON.stringify(who), attach, claim];
    return await this.#claim<StoredWelcome>('session_open', attachment, args);
  }

  /** Asks for a socket. If the answer is lost the socket may be there: it is given up as soon as Redis answers. */
  async #claim<T extends object>(
    verb: 'session_open' | 'session_resume',
    { tenant, sessionId, claim }: Attachment,
    args: (string | number)[],
  ): Promise<T> {
    try {
      return await this.#store.run<T>(verb, tenant, args);
    } catch (error) {
      if (mayHaveRun(error)) {
        this.#later.keep(async () => {
          await this.#store.run('session_abandon', tenant, [sessionId, claim, this.#nodes.aliveJson()]);
        });
      }
      throw error;
    }
  }
}
