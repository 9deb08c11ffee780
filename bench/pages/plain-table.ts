/**
 * The sessions as a plain table: every row is an element, a change writes its cells, the filter hides what does not match.
 * It gets the token and the broker's address behind its `#`, and the client of Socket.IO from its server.
 */
export const PLAIN_TABLE = `<!doctype html>
<meta charset="utf-8">
<title>A plain table</title>
<style>body { font: 14px system-ui } table { border-collapse: collapse; width: 100% } td { border-bottom: 1px solid #ddd; padding: 6px }</style>
<input aria-label="Filter">
<table><tbody></tbody></table>
<script src="/socket.io.min.js"></script>
<script>
const { url, token, tenant } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const body = document.querySelector('tbody');
const filter = document.querySelector('input');
const rows = new Map();
const textsOf = (s) => [s.user.name, s.user.id, s.state, s.dirty ? 'unsaved' : 'saved', s.view ?? '', s.locks,
  new Date(s.lastInputAt).toLocaleTimeString(), (s.app?.name ?? '') + ' ' + s.address, new Date(s.openedAt).toLocaleTimeString()];
function show(session) {
  let row = rows.get(session.id);
  if (!row) {
    row = body.insertRow();
    rows.set(session.id, row);
    for (let i = 0; i < 9; i += 1) row.insertCell();
  }
  const texts = textsOf(session);
  texts.forEach((text, i) => { row.cells[i].textContent = text; });
  row.words = texts.join(' ').toLowerCase();
  row.hidden = !row.words.includes(filter.value.toLowerCase());
}
filter.addEventListener('input', () => {
  const wanted = filter.value.toLowerCase();
  for (const row of rows.values()) row.hidden = !row.words.includes(wanted);
});
const socket = io(url + '/lastcall/admin', { auth: { token, tenant }, transports: ['websocket'] });
socket.on('snapshot', async ({ sessions }) => {
  sessions.items.forEach(show);
  let cursor = '';
  do {
    const answer = await fetch(url + '/v1/tenants/' + tenant + '/sessions?limit=1000' + cursor, { headers: { Authorization: 'Bearer ' + token } });
    const page = await answer.json();
    page.items.forEach(show);
    cursor = page.next ? '&cursor=' + encodeURIComponent(page.next) : '';
  } while (cursor);
});
socket.on('sessions:changed', ({ upsert }) => upsert.forEach(show));
</script>
`;
