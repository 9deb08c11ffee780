import { ERRORS } from '@lastcall/shared';
import type { RequestHandler } from 'express';
import { VERSION } from '../../version.js';
import { buildAsyncApi } from '../asyncapi.js';
import { buildOpenApi } from '../openapi.js';
import { nonceOf } from '../protect.js';
import { callSection, type Paths, tagsOf } from './calls.js';
import { eventSection } from './events.js';
import { anchorOf, Html, html, prose } from './html.js';
import { type Schemas, schemaSection } from './schemas.js';

const STYLE = new Html(`
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --line: #8884; --soft: #8881; --link: light-dark(#1a56b8, #8ab4f8) }
body { margin: 0 auto; max-width: 76rem; padding: 0 1.5rem 4rem; display: grid; grid-template-columns: 14rem minmax(0, 1fr); gap: 0 2.5rem }
header { grid-column: 1 / -1; padding-top: 2rem }
h1 { margin-bottom: 0 }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow: auto; padding: 1rem 0; font-size: 0.9rem }
nav ul, .fields { list-style: none; margin: 0.25rem 0; padding: 0 }
.fields .fields { margin-left: 0.5rem; padding-left: 0.75rem; border-left: 1px solid var(--line) }
.fields > li { margin: 0.15rem 0 }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line) }
h3 { margin: 2rem 0 0; font-size: 1.05rem; overflow-wrap: anywhere }
h4 { margin: 0.75rem 0 0; font-size: 0.85rem; text-transform: uppercase; letter-spacing: 0.04em; opacity: 0.85 }
p { margin: 0.35rem 0; max-width: 48rem }
a { color: var(--link) }
code { font: 0.9em ui-monospace, monospace }
h3 code { font-weight: 700; font-size: 1em }
small { font-weight: 400; opacity: 0.85 }
:target h3 { background: var(--soft) }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: 0.6rem 0.8rem; overflow: auto }
table { border-collapse: collapse }
th, td { text-align: left; padding: 0.2rem 1.5rem 0.2rem 0; border-bottom: 1px solid var(--line) }
@media (max-width: 50rem) { body { display: block } nav { position: static; max-height: none } }
`);

const link = (anchor: string, text: string): Html => html`<li><a href="#${anchor}">${text}</a></li>`;

function errorTable(): Html {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, retryable }]) =>
      html`<tr><td><code>${code}</code></td><td>${status}</td><td>${retryable ? 'yes' : 'no'}</td></tr>`,
  );
  return html`<table><thead><tr><th>code</th><th>HTTP</th><th>may succeed later</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

/** What of the page is the same wherever it is found. */
function bodyOf(): Html {
  const openApi = buildOpenApi();
  const asyncApi = buildAsyncApi();
  const paths = openApi.paths as unknown as Paths;
  const schemas = { ...asyncApi.components.schemas, ...openApi.components?.schemas } as Schemas;
  const tags = tagsOf(paths).map((tag) => link(anchorOf('tag', tag), tag));
  return html`<p>${prose(openApi.info.description ?? '')}</p></header>
<nav aria-label="Contents"><strong>Calls over HTTP</strong><ul>${tags}</ul>
<strong>Events over WebSocket</strong><ul>
${[link('channel-client', 'the client channel'), link('channel-admin', 'the admin channel')]}</ul>
<strong>More</strong><ul>${[link('errors', 'errors'), link('schemas', 'schemas')]}</ul></nav>
<main>${callSection(paths, schemas)}${eventSection(asyncApi)}
<section id="errors"><h2>Errors</h2>${errorTable()}</section>
<section id="schemas"><h2>Schemas</h2>${schemaSection(schemas)}</section></main>`;
}

/** The page at `/docs`: the API for people, from the same rows as the documents for programs. */
export function docsPage(): RequestHandler {
  let body: Html | undefined;
  return (req, res) => {
    body ??= bodyOf();
    const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lastcall: the API</title>
<style nonce="${nonceOf(res)}">${STYLE}</style>
</head>
<body>
<header><h1>Lastcall ${VERSION}</h1>
<p>For programs: <a href="${req.baseUrl}/openapi.json">openapi.json</a>, <a href="${req.baseUrl}/asyncapi.json">asyncapi.json</a>.</p>
${body}
</body>
</html>
`;
    res.set({ 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' }).end(page.text);
  };
}
