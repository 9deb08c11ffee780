import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { createClient, LastcallClient } from '@lastcall/client';
import type { Banner, LastcallEditing, mountLastcall } from '@lastcall/client/banner';
import type { Draft, Drafts, keepDrafts } from '@lastcall/client/drafts';

/** What the page has, for the tests to look at. */
export interface ElementsWindow {
  Lastcall: {
    createClient: typeof createClient;
    keepDrafts: typeof keepDrafts;
    mountLastcall: typeof mountLastcall;
  };
  client: LastcallClient;
  banner: Banner;
  drafts: Drafts;
  /** Drafts that were put back. */
  restored: readonly Draft[];
  /** What the next save does. */
  failing: boolean;
  /** Shows the badge in every phase, with the names of these. */
  phases(): void;
  editing(): LastcallEditing;
}

/** Nothing inline, nothing evaluated, no text that becomes HTML. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'connect-src *',
  "require-trusted-types-for 'script'",
].join('; ');

const STYLE = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; background: light-dark(#f4f5f8, #12151c); color: light-dark(#1a2030, #e8ebf2); }
main { display: grid; gap: 1rem; max-width: 48rem; margin: 2rem auto; padding: 0 1.5rem; }
textarea { width: 100%; min-height: 6rem; }
h1 { margin: 0; }
#phases { display: grid; gap: .875rem; padding: 1rem; }
#phases:empty { display: none; }`;

const PAGE = `<!doctype html><html lang="en"><meta charset="utf-8"><title>An application</title>
<link rel="stylesheet" href="/page.css">
<main><h1>Invoice 7</h1>
<p><lastcall-editing resource="invoices/7"></lastcall-editing></p><p><lastcall-status></lastcall-status></p>
<label>Note <textarea></textarea></label><div id="phases"></div></main>
<script src="/lastcall.global.js"></script><script src="/lastcall.banner.global.js"></script>
<script src="/page.js"></script></html>`;

const SCRIPT = `
const settings = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const note = document.querySelector('textarea');
let saved = '';
window.restored = [];
window.failing = false;
window.client = Lastcall.createClient({ url: settings.url, token: 'token', ...settings.client });
window.drafts = Lastcall.keepDrafts(client, { everyMs: 50 });
drafts.add({
  resource: 'invoices/7',
  isDirty: () => note.value !== saved,
  read: () => note.value,
  save: () => {
    if (window.failing) throw new Error('The disk is full.');
    saved = note.value;
  },
});
const label = (resource) => resource.replace(/^invoices./, 'invoice ');
const restore = (draft) => {
  if (window.failing) throw new Error('No editor is open.');
  window.restored.push(draft); note.value = draft.text; };
window.banner = Lastcall.mountLastcall(client, { ...settings.options, drafts, label, restore });
window.editing = () => document.querySelector('lastcall-editing');
client.connect().catch(() => undefined);

const BASE = { ...client.getSnapshot(), status: 'online', user: { id: 'ann', name: 'Ann', roles: [] }, session: { id: 's' } };
const holder = (name, more) => ({ resource: 'invoices/12', sessionId: name, user: { id: name, name }, mode: 'exclusive', takeable: 'ask', ...more });
const wait = (position, more) => ({ waiting: [{ requestId: 'w', resource: 'invoices/12', position, blockers: [holder('Ada Lovelace')], ...more }] });
const lockIn = (state) => ({ locks: [{ resource: 'invoices/12', mode: 'exclusive', scope: 'record', fence: 7, state }] });
const STATES = [
  [{}, []], [{}, [holder('Ada Lovelace')]], [{}, [holder('Grace Hopper', { takeable: 'force' })]],
  [{}, [holder('Linus', { takeable: 'no' }), holder('Ada Lovelace')]], [{}, [holder('Ann', { user: { id: 'ann', name: 'Ann' } })]],
  [{}, [holder('Margaret', { mode: 'shared' })]], [wait(1), []], [wait(3), []], [wait(1, { takeover: true }), []],
  [lockIn('held'), []], [lockIn('at-risk'), []],
  [{ lost: [{ resource: 'invoices/12', fence: 7, reason: 'takeover', by: { kind: 'user', name: 'Grace' } }] }, [holder('Grace Hopper')]],
];
window.phases = () => {
  for (const [changes, holders] of STATES) {
    const snapshot = { ...BASE, ...changes };
    const element = document.createElement('lastcall-editing');
    element.client = {
      getSnapshot: () => snapshot,
      subscribe: () => () => undefined,
      remainingMs: () => 27000,
      watchLocks: (prefix, listener) => {
        listener({ live: true, locks: holders.length > 0 ? [{ resource: 'invoices/12', holders, waiters: [] }] : [] });
        return () => undefined;
      },
    };
    element.resource = 'invoices/12';
    const row = document.createElement('div');
    row.append(element);
    document.querySelector('#phases').append(row);
  }
};`;

/** An application's page with the elements, under the strictest content security policy. */
export class ElementsPage {
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request.url ?? '/', response);
    });
  }

  static async start(): Promise<ElementsPage> {
    const page = new ElementsPage();
    await new Promise<void>((resolve) => {
      page.#server.listen(0, '127.0.0.1', resolve);
    });
    return page;
  }

  /** @param settings `url` of the broker; `client` and `options` are added to those of the client and the elements */
  address(settings: { readonly url: string; readonly client?: object; readonly options?: object }): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/#${encodeURIComponent(JSON.stringify(settings))}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  async #answer(url: string, response: ServerResponse): Promise<void> {
    try {
      const [type, body] = await contentOf(url);
      response.setHeader('Content-Type', `${type}; charset=utf-8`);
      response.setHeader('Content-Security-Policy', POLICY);
      response.end(body);
    } catch {
      response.statusCode = 404;
      response.end();
    }
  }
}

async function contentOf(url: string): Promise<readonly [type: string, body: string]> {
  if (url === '/') return ['text/html', PAGE];
  if (url === '/page.css') return ['text/css', STYLE];
  if (url === '/page.js') return ['text/javascript', SCRIPT];
  const [, name] = /^\/(lastcall[\w.]*\.js)$/.exec(url) ?? [];
  if (name === undefined) throw new Error(`There is no ${url}`);
  const file = new URL(`../../../client-sdk/dist/${name}`, import.meta.url);
  return ['text/javascript', await readFile(file, 'utf8')];
}
