import { type Person, TENANT } from './people.js';

/** The one-click sign-in of development; an application asks its own identity provider here. */
export async function fetchToken(person: Person, roles: readonly string[]): Promise<string> {
  const response = await fetch('/dev/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ sub: person.id, name: person.name, tenant: TENANT, roles }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`There is no token for ${person.name} (status ${response.status}).`);
  const { token } = (await response.json()) as { token: string };
  return token;
}
