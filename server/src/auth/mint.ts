import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { isLongEnough } from '../schema/settings.js';
import { importSecret } from './keys.js';

/** What a token is to say. */
export interface TokenClaims {
  readonly sub: string;
  readonly tenant: string;
  readonly name?: string;
  readonly roles?: readonly string[];
  /** How long it is valid, in milliseconds; one hour unless given. */
  readonly expiresInMs?: number;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** The claim that names the tenant; `tenant` unless given. */
  readonly tenantClaim?: string;
}

const DEFAULT_EXPIRES_IN_MS = 3_600_000;

/**
 * A token signed with a shared secret, for development, tests and `lastcall token`.
 *
 * @throws {RangeError} for a secret shorter than 32 bytes.
 */
export async function mintToken(secret: string, claims: TokenClaims): Promise<string> {
  const { sub, tenant, name, roles, expiresInMs = DEFAULT_EXPIRES_IN_MS, tenantClaim = 'tenant' } = claims;
  const issuedAt = Date.now() / 1_000;
  const said = {
    [tenantClaim]: tenant,
    ...(name === undefined ? {} : { name }),
    ...(roles ? { roles } : {}),
  };
  const token = new SignJWT(said)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(sub)
    .setJti(randomUUID())
    .setIssuedAt(Math.floor(issuedAt))
    .setExpirationTime(Math.floor(issuedAt + expiresInMs / 1_000));
  if (claims.issuer !== undefined) token.setIssuer(claims.issuer);
  if (claims.audience !== undefined) token.setAudience(claims.audience);
  return token.sign(await importSecret(secret));
}

/** The secret a process made before, if it is there and whole. */
async function readSecret(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return isLongEnough(text.trim()) ? text.trim() : undefined;
}

/**
 * The development secret of a data directory, made on first use and readable by its owner only, so that tokens outlive
 * a restart and processes that start at once agree on it.
 */
export async function developmentSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, 'dev-secret');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const known = await readSecret(path);
  if (known !== undefined) {
    await chmod(path, 0o600);
    return known;
  }
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // A link fails if another process was faster, and never shows a half-written file.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const made = await readSecret(path);
  if (made === undefined) throw new Error(`${path} does not hold a secret; remove it and start again.`);
  return made;
}
