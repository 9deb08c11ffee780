/** What a token says about its bearer, and the names that limit where things may live (PROTOCOL sections 1 and 2). */

/** `user` works; `service` is an application's back end; `admin` administers its own tenant; `operator` every tenant. */
export const ROLES = ['user', 'service', 'admin', 'operator'] as const;
export type KnownRole = (typeof ROLES)[number];

/** Tenants are part of key names and URLs: lower case, digits, dot, underscore, hyphen; 1 to 63 characters. */
export const TENANT_PATTERN = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** Longest `sub` accepted, in characters. */
export const MAX_USER_ID_LENGTH = 128;

/** A person, as others may see them. */
export interface UserRef {
  readonly id: string;
  readonly name: string;
}

/** A person with the roles their token grants. */
export interface User extends UserRef {
  readonly roles: readonly string[];
}

/** Who ended, ordered or changed something. */
export interface Actor {
  readonly kind: 'user' | 'admin' | 'policy' | 'system';
  readonly id?: string;
  readonly name?: string;
}

/** The verified content of a token. Instants are epoch milliseconds. */
export interface Identity {
  readonly tenant: string;
  readonly user: User;
  /** The sign-in at the identity provider that the token comes from (its claim `sid`). */
  readonly signIn?: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
}
