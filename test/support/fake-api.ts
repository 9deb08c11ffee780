import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export interface Reply {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Cuts the connection instead of answering. */
  readonly cut?: true;
  /** Never answers. */
  readonly hangs?: true;
}

/** What is answered to `GET /sessions`, paths seen from the tenant; the n-th call gets n from 0. */
export type Replies = Readonly<Record<string, (seen: Seen, n: number) => Reply>>;

export interface FakeApi {
  readonly url: string;
  readonly seen: readonly Seen[];
  close(): Promise<void>;
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? undefined : JSON.parse(text);
}

function answer(
  response: ServerResponse,
  { status = 200, body = {}, headers = {}, cut, hangs }: Reply,
): void {
  if (hangs) return;
  if (cut) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** A problem document as the broker writes it. */
export function problem(status: number, code: string, detail: string, more: object = {}): Reply {
  return { status, body: { type: 'about:blank', title: code, status, code, detail, ...more } };
}

/** An HTTP server that answers as told and remembers what it was asked, for clients of the API. */
export async function startFakeApi(replies: Replies): Promise<FakeApi> {
  const seen: Seen[] = [];
  const counts = new Map<string, number>();
  const server = createServer((request, response) => {
    void (async () => {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
      const path = pathname.replace(/^\/v1\/tenants\/[^/]+/, '');
      const method = request.method ?? '';
      const body = await bodyOf(request);
      const one = {
        method,
        path: pathname,
        query: Object.fromEntries(searchParams),
        headers: request.headers,
        body,
      };
      seen.push(one);
      const name = `${method} ${path}`;
      const n = counts.get(name) ?? 0;
      counts.set(name, n + 1);
      const reply = replies[name]?.(one, n) ?? problem(404, 'not_found', `There is no ${name}.`);
      answer(response, reply);
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
