import type { RequestHandler } from 'express';
import { VERSION } from '../version.js';
import { isLocal } from './local.js';
import { nonceOf } from './protect.js';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { margin: 10vh auto; max-width: 36rem; padding: 0 1.5rem }
h1 { margin-bottom: 0 }
dt { font-weight: 600; margin-top: 0.75rem }
dd { margin: 0 }
`;

interface Link {
  readonly href: string;
  readonly text: string;
}

const LINKS: readonly Link[] = [
  { href: 'docs', text: 'The API, to be read: calls, events, errors, with examples.' },
  { href: 'openapi.json', text: 'The calls over HTTP, as an OpenAPI document.' },
  { href: 'asyncapi.json', text: 'The events over WebSocket, as an AsyncAPI document.' },
  { href: 'readyz', text: 'Whether this broker may be sent work, and why not.' },
];
const DEMOS: readonly Link[] = [
  {
    href: 'demo/',
    text: 'The demo: a small office. Open it in two windows, edit the same invoice, be logged off.',
  },
  { href: 'demo/both.html', text: 'The same for two people and their administrator, side by side.' },
];
const CONSOLE: Link = {
  href: 'console/',
  text: 'The console, for administrators: who is in, who has unsaved work, warn, log off, verify.',
};
const METRICS: Link = { href: 'metrics', text: 'Metrics for Prometheus; on this machine without a token.' };

/** Texts and addresses are constants of this file: nothing of a request gets into the page. */
function page(nonce: string, links: readonly Link[], version: string): string {
  const list = links
    .map(({ href, text }) => `<dt><a href="${href}">/${href}</a></dt><dd>${text}</dd>`)
    .join('\n');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lastcall</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<main>
<h1>Lastcall</h1>
<p>A session broker${version} runs here: it knows who is working, keeps two people from editing the same record, and
logs people off after it let them save.</p>
<dl>
${list}
</dl>
</main>
</body>
</html>
`;
}

/** The page at `/`: what runs here and where to go on. */
export function landing(options: {
  readonly hasConsole: boolean;
  readonly hasDemo: boolean;
  readonly trustProxy: number;
}): RequestHandler {
  return (req, res) => {
    const local = isLocal(req, options.trustProxy);
    const links = [
      ...(local && options.hasDemo ? DEMOS : []),
      ...(options.hasConsole ? [CONSOLE] : []),
      ...LINKS,
      ...(local ? [METRICS] : []),
    ];
    res.set({ 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
    res.end(page(nonceOf(res), links, local ? ` (${VERSION})` : ''));
  };
}
