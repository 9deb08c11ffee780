import { expect } from 'chai';
import type { Problem } from 'lastcall/internal/schema/error.js';
import { parse, ROUTES, type Route, type RouteId } from 'lastcall/internal/schema/index.js';

/** What is sent besides the path. */
export interface Sent {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Got<T = unknown> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** The path of a route with its names filled in. */
export function pathOf(id: RouteId, params: Readonly<Record<string, string>> = {}): string {
  return ROUTES[id].path.replace(/:(\w+)/g, (_all, name: string) => encodeURIComponent(params[name] ?? ''));
}

/** Sends one request and reads its JSON, if it is JSON. */
export async function send<T = unknown>(url: string, init: RequestInit = {}): Promise<Got<T>> {
  const response = await fetch(url, init);
  const text = await response.text();
  const isJson = /[/+]json\b/.test(response.headers.get('content-type') ?? '') && text !== '';
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : text) as T,
  };
}

/** Calls routes by their id, as one person. */
export class ApiClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  async call<T = unknown>(id: RouteId, sent: Sent = {}): Promise<Got<T>> {
    const query = new URLSearchParams(
      Object.entries(sent.query ?? {}).map(([name, value]) => [name, String(value)]),
    ).toString();
    const headers = {
      Authorization: `Bearer ${this.#token}`,
      ...(sent.body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...sent.headers,
    };
    return await send<T>(`${this.#url}${pathOf(id, sent.params)}${query && `?${query}`}`, {
      method: ROUTES[id].method.toUpperCase(),
      headers,
      ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
    });
  }

  /** A call that is to be accepted, with an answer that is exactly what the route promises. */
  async does<T>(id: RouteId, sent: Sent = {}): Promise<T> {
    const { status, body } = await this.call<T>(id, sent);
    expectAnswer(id, status, body);
    return body;
  }

  /** A call that is to be refused. */
  async refused(id: RouteId, sent: Sent = {}): Promise<Problem> {
    return expectProblem(await this.call(id, sent));
  }
}

/** That an answer has a status of its route, and the fields of its schema and no others. */
export function expectAnswer(id: RouteId, status: number, body: unknown): void {
  const route: Route = ROUTES[id];
  const schema = route.answers[status];
  expect(schema, `${id} answered ${status}: ${JSON.stringify(body)}`).not.to.equal(undefined);
  if (schema) expect(parse(schema, body), id).to.deep.equal(body);
}

/** That an answer is a problem document, of the same status as the response. */
export function expectProblem(got: Got): Problem {
  expect(got.headers.get('content-type'), JSON.stringify(got.body)).to.equal('application/problem+json');
  const problem = got.body as Problem;
  expect(problem).to.include.all.keys('type', 'title', 'status', 'detail', 'code');
  expect(problem.status).to.equal(got.status);
  expect(problem.type).to.equal(`urn:lastcall:error:${problem.code}`);
  expect(got.headers.get('cache-control')).to.equal('no-store');
  // Nothing of the inside: no stack, no path of a file.
  expect(JSON.stringify(problem)).not.to.match(/\bat \w+ \(|node_modules|\.[jt]s:\d|Error:/);
  return problem;
}
