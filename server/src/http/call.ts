import type { Actor, Identity } from '@lastcall/shared';
import type { Core } from '../core.js';
import type { Settled } from '../once.js';
import { actorOf } from '../orders.js';
import { invalid } from '../schema/parse.js';
import type { RouteAnswer, RouteId, RoutePart } from '../schema/routes.js';

/** What a handler answers with: a status of its route, the body that belongs to it, and headers. */
export type Reply<R extends RouteId> = RouteAnswer<R> & {
  readonly headers?: Readonly<Record<string, string>>;
};

/** An answer that is written piece by piece, as fast as it is read. */
export interface Streamed {
  readonly status: 200;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly pieces: AsyncIterable<string>;
}

/** One request of a route, authorized and parsed. */
export interface Call<R extends RouteId> {
  readonly core: Core;
  readonly identity: Identity;
  readonly actor: Actor;
  readonly params: RoutePart<R, 'params'>;
  readonly query: RoutePart<R, 'query'>;
  readonly body: RoutePart<R, 'body'>;
  readonly header: (name: string) => string | undefined;
  /** Whoever asked has gone. */
  readonly signal: AbortSignal;
  /**
   * Does what changes something, once per `Idempotency-Key` if the request has one.
   *
   * @throws {LastcallError} `conflict` when the key was used for something else.
   */
  readonly once: (act: () => Promise<Reply<R>>) => Promise<Reply<R>>;
}

export type Handler<R extends RouteId> = (call: Call<R>) => Promise<Reply<R> | Streamed>;
export type Handlers<R extends RouteId = RouteId> = { readonly [K in R]: Handler<K> };

/** A request's parts before they have their route's types. */
export interface RawCall {
  readonly core: Core;
  readonly identity: Identity;
  readonly tenant: string;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly header: (name: string) => string | undefined;
  readonly signal: AbortSignal;
}

/** Visible ASCII, as the header's draft standard and the clients in use have it. */
const KEY_PATTERN = /^[\x21-\x7e]{1,128}$/;

/** Gives a request's parts, which were parsed by the schemas of this route, the types of this route. */
export function callOf<R extends RouteId>(route: R, raw: RawCall): Call<R> {
  const { core, identity, tenant, params, query, body, header, signal } = raw;
  return {
    core,
    identity,
    actor: actorOf(identity),
    params: params as RoutePart<R, 'params'>,
    query: query as RoutePart<R, 'query'>,
    body: body as RoutePart<R, 'body'>,
    header,
    signal,
    once: async (act) => {
      const key = header('idempotency-key');
      if (key === undefined) return await act();
      if (!KEY_PATTERN.test(key)) {
        throw invalid([{ path: 'Idempotency-Key', message: 'must be 1 to 128 visible ASCII characters' }]);
      }
      let isFirst = false;
      const request = { by: identity.user.id, route, params, body };
      const settled: Settled = await core.once.run(tenant, key, request, async () => {
        isFirst = true;
        return await act();
      });
      const reply = settled as Reply<R>;
      if (isFirst) return reply;
      return { ...reply, headers: { ...reply.headers, 'Idempotent-Replayed': 'true' } } as Reply<R>;
    },
  };
}
