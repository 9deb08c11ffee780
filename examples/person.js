// Who is at work in this window: ?name=Grace in the address is another person. An application asks its own identity
// provider; a development broker signs anybody in.
export const { name = 'Ada', tenant = 'demo' } = Object.fromEntries(new URLSearchParams(location.search));

export async function token() {
  const response = await fetch('/dev/token', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ sub: name.toLowerCase(), name, tenant, roles: ['user'] }),
  });
  return (await response.json()).token;
}
