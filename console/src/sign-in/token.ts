import { ask, type WhoAmI } from '../data/api.js';

/** Kept for the tab alone: it survives a reload, and goes with the tab. */
const KEPT = 'lastcall-console:token';

export interface SignedIn {
  readonly token: string;
  readonly me: WhoAmI;
}

/** Who a token is of. @throws {ApiError} for a token that is not good, or administers nothing */
async function identify(token: string): Promise<SignedIn> {
  const response = await ask('GET', 'console/identity', token);
  return { token, me: (await response.json()) as WhoAmI };
}

/** Signs in with a token, and keeps it for this tab. @throws {ApiError} */
export async function signIn(token: string): Promise<SignedIn> {
  const signedIn = await identify(token);
  sessionStorage.setItem(KEPT, token);
  return signedIn;
}

export function forget(): void {
  sessionStorage.removeItem(KEPT);
}

/** Takes the code of a sign-in link out of the address, so that it is in no history. */
function takeCode(): string | undefined {
  const code = /^#code=(?<code>[\w-]+)$/.exec(location.hash)?.groups?.['code'];
  if (code !== undefined) history.replaceState(null, '', location.pathname);
  return code;
}

/** The token a link stands for. @throws {ApiError} `unauthenticated` for one that was used before */
async function exchange(code: string): Promise<string> {
  const response = await ask('POST', 'console/code', undefined, { body: { code } });
  return ((await response.json()) as { token: string }).token;
}

/** Who is signed in when the page is opened: by its link, or since before the reload. @throws {ApiError} */
export async function signedInAlready(): Promise<SignedIn | undefined> {
  const code = takeCode();
  if (code !== undefined) return await signIn(await exchange(code));
  const kept = sessionStorage.getItem(KEPT);
  if (kept === null) return undefined;
  try {
    return await identify(kept);
  } catch (error) {
    forget();
    throw error;
  }
}
