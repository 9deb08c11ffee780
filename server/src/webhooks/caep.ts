import type { Actor, AuditRecord, EndReason } from '@lastcall/shared';

/** A subject as RFC 9493 and the OpenID Shared Signals Framework write it. */
type Simple =
  | { readonly format: 'opaque'; readonly id: string }
  | { readonly format: 'iss_sub'; readonly iss: string; readonly sub: string };

interface Subject {
  readonly format: 'complex';
  readonly session?: Simple;
  readonly user?: Simple;
  readonly tenant: Simple;
}

/** By language (BCP 47). */
type Said = Readonly<Record<string, string>>;

/** The fields of OpenID CAEP, under its names. */
export interface Caep {
  readonly sub_id: Subject;
  readonly initiating_entity: Actor['kind'];
  /** Epoch seconds. */
  readonly event_timestamp: number;
  readonly reason_admin?: Said;
  readonly reason_user?: Said;
}

const REASONS: Readonly<Record<EndReason, string>> = {
  user: 'The person signed out.',
  idle: 'There was no input for longer than the policy allows.',
  max_age: 'The session had reached the greatest age the policy allows.',
  admin: 'An administrator ended the session.',
  maintenance: 'The session was ended for maintenance.',
  security: 'The session was ended for security.',
  unresponsive: 'The application stopped answering.',
  replaced: 'Another session took its place, since the number of sessions is limited.',
  token_expired: 'The token expired.',
  revoked: 'The identity provider revoked the sign-in.',
};

const opaque = (id: string): Simple => ({ format: 'opaque', id });

function subjectOf({ sessionId, user }: AuditRecord, tenant: string, issuer: string | undefined): Subject {
  return {
    format: 'complex',
    ...(sessionId === undefined ? {} : { session: opaque(sessionId) }),
    ...(user === undefined
      ? {}
      : { user: issuer === undefined ? opaque(user.id) : { format: 'iss_sub', iss: issuer, sub: user.id } }),
    tenant: opaque(tenant),
  };
}

/** Why a session ended: for administrators, and what the person was told. */
function reasonsOf({ by, details, reason }: AuditRecord): Pick<Caep, 'reason_admin' | 'reason_user'> {
  const message = details?.['message'];
  const why = Object.hasOwn(REASONS, reason ?? '') ? REASONS[reason as EndReason] : undefined;
  return {
    ...(why === undefined ? {} : { reason_admin: { en: why } }),
    // Administrators write in a language that nobody knows here: undetermined.
    ...(typeof message === 'string' && message !== ''
      ? { reason_user: { [by.kind === 'admin' ? 'und' : 'en']: message } }
      : {}),
  };
}

/** What OpenID CAEP says of a session's beginning, end or verification; nothing for records of other kinds. */
export function caepOf(record: AuditRecord, tenant: string, issuer: string | undefined): Caep | undefined {
  if (!record.type.startsWith('session.')) return undefined;
  return {
    sub_id: subjectOf(record, tenant, issuer),
    initiating_entity: record.by.kind,
    event_timestamp: Math.floor(record.at / 1_000),
    ...(record.type === 'session.ended' ? reasonsOf(record) : {}),
  };
}
