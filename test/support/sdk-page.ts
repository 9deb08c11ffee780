import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { createClient, LastcallClient, LockHandle } from '@lastcall/client';
import type { Draft, Drafts, keepDrafts } from '@lastcall/client/drafts';

/** What the page has, for the tests to look at. */
export interface SdkPageWindow {
  Lastcall: { createClient: typeof createClient; keepDrafts: typeof keepDrafts };
  client: LastcallClient;
  drafts: Drafts;
  /** What was offered at a sign-in. */
  offers: readonly Draft[];
  handle: LockHandle | undefined;
  /** What a handler of the application saw of its lock, and when. */
  states: { readonly at: number; readonly state: string }[];
  /** How many warnings have come, and when the last one did, on the clock of the machine. */
  warned: number;
  warnedAt: number;
  edit(): Promise<void>;
  open(url: string): unknown;
  /** What lies on the device, as it lies there. */
  kept(): Promise<readonly string[]>;
  keyCanBeRead(): Promise<boolean>;
}

const PAGE = `<!doctype html><meta charset="utf-8"><title>An application</title>
<textarea aria-label="Note"></textarea>
<script src="/lastcall.js"></script>
<script>
  const { url, token } = JSON.parse(decodeURIComponent(location.hash.slice(1)));
  const note = document.querySelector('textarea');
  let saved = '';
  window.client = Lastcall.createClient({ url, token, app: { name: 'application' } });
  window.offers = [];
  window.states = [];
  window.warned = 0;
  window.drafts = Lastcall.keepDrafts(client, { everyMs: 100, onOffer: (drafts) => { window.offers = drafts; } });
  let before = [];
  client.subscribe(() => {
    const { warnings } = client.getSnapshot();
    for (const { orderId } of warnings) if (!before.includes(orderId)) {
      window.warned += 1;
      window.warnedAt = Date.now();
    }
    before = warnings.map(({ orderId }) => orderId);
  });
  setInterval(() => {
    if (window.handle) states.push({ at: performance.now(), state: handle.state });
  }, 20);
  window.edit = async () => {
    window.handle = await client.lock('invoices/7');
    drafts.add({
      resource: 'invoices/7',
      isDirty: () => note.value !== saved,
      read: () => note.value,
      save: async () => {
        const text = note.value;
        await fetch('/save', { method: 'POST', body: text });
        saved = text;
      },
    });
  };
  const stored = (name) => new Promise((resolve, reject) => {
    const request = indexedDB.open('lastcall-drafts');
    request.onsuccess = () => {
      const all = request.result.transaction(name).objectStore(name).getAll();
      all.onsuccess = () => { request.result.close(); resolve(all.result); };
    };
    request.onerror = reject;
  });
  window.kept = async () => (await stored('drafts')).map(({ owner, sealed }) =>
    owner + String.fromCharCode(...new Uint8Array(sealed)));
  window.keyCanBeRead = async () => {
    const [key] = await stored('keys');
    return crypto.subtle.exportKey('raw', key).then(() => true, () => false);
  };
  client.connect();
</script>`;

/** An application's pages, and its server, which keeps what they save. */
export class SdkPages {
  readonly saved: string[] = [];
  readonly #server: Server;

  private constructor(script: string) {
    this.#server = createServer((request, response) => {
      if (request.method === 'POST') {
        request.setEncoding('utf8').on('data', (text: string) => this.saved.push(text));
        request.on('end', () => response.end());
        return;
      }
      const isScript = request.url === '/lastcall.js';
      response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
      response.end(isScript ? script : PAGE);
    });
  }

  static async start(): Promise<SdkPages> {
    const bundle = new URL('../../../client-sdk/dist/lastcall.global.js', import.meta.url);
    const pages = new SdkPages(await readFile(bundle, 'utf8'));
    await new Promise<void>((resolve) => {
      pages.#server.listen(0, '127.0.0.1', resolve);
    });
    return pages;
  }

  /** @param host each is a site of its own, and has a process of its own */
  origin(host: '127.0.0.1' | 'localhost' = '127.0.0.1'): string {
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
