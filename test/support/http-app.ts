import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type { Audit } from 'lastcall/internal/audit.js';
import { createVerifier } from 'lastcall/internal/auth/index.js';
import { type Config, loadConfig } from 'lastcall/internal/config.js';
import type { Core } from 'lastcall/internal/core.js';
import { Denials } from 'lastcall/internal/denials.js';
import { type AppParts, createApp } from 'lastcall/internal/http/app.js';
import { createLimits } from 'lastcall/internal/limits.js';
import { createLogger } from 'lastcall/internal/log.js';
import { createMetrics } from 'lastcall/internal/metrics.js';
import { Patience } from 'lastcall/internal/patience.js';
import { claims, forge, type Json, SECRET } from './tokens.js';

/** Something of core that a test stands in for; what it does not name must not be called. */
export type CoreStub = { readonly [K in keyof Core]?: object };

export interface StubOptions extends Partial<Omit<AppParts, 'core' | 'config'>> {
  readonly core?: CoreStub;
  /** Settings by their variables, without `LASTCALL_`. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The parts of the HTTP edge without a broker behind it, and what they log. */
export function stubParts({ core, env, ...parts }: StubOptions = {}): {
  parts: AppParts;
  config: Config;
  log: string[];
} {
  const settings = { JWT_SECRET: SECRET, DEV: '0', ...env };
  const config = loadConfig({
    env: Object.fromEntries(Object.entries(settings).map(([name, value]) => [`LASTCALL_${name}`, value])),
  });
  const log: string[] = [];
  const destination = { write: (line: string) => void log.push(line) };
  const logger = createLogger({ logLevel: 'debug', production: true, destination });
  const audit = core?.audit ?? { note: () => Promise.resolve() };
  const stub = {
    log: logger,
    metrics: createMetrics(),
    audit,
    denials: new Denials(audit as Pick<Audit, 'note'>, logger),
    patience: new Patience(() => false),
    ...core,
  };
  return {
    config,
    log,
    parts: {
      core: stub as unknown as Core,
      config,
      verifier: createVerifier(config),
      limits: createLimits(config),
      health: { ready: () => Promise.resolve({ ok: true, checks: [] }) },
      ...parts,
    },
  };
}

export interface Served {
  readonly url: string;
  readonly log: readonly string[];
  close(): Promise<void>;
}

/** Serves an application on a free port of loopback. */
export async function serveApp(app: Express, log: readonly string[] = []): Promise<Served> {
  const server = createServer(app);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    log,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Serves the whole HTTP side with a stub behind it. */
export async function serveStub(options: StubOptions = {}): Promise<Served> {
  const { parts, log } = stubParts(options);
  return await serveApp(createApp(parts), log);
}

/** Starts and stops applications with the suite. */
export function useStubs() {
  const served: Served[] = [];
  after(() => Promise.all(served.map((one) => one.close())));
  return {
    async serve(options: StubOptions = {}): Promise<Served> {
      const one = await serveStub(options);
      served.push(one);
      return one;
    },
    async app(app: Express): Promise<Served> {
      const one = await serveApp(app);
      served.push(one);
      return one;
    },
  };
}

/** The header of somebody with these roles in the tenant `acme`. */
export function bearer(roles: readonly string[] = ['admin'], more: Json = {}): { Authorization: string } {
  return { Authorization: `Bearer ${forge(claims({ roles, ...more }))}` };
}

/** A request with headers that `fetch` does not let one set, such as `Host`. */
export function ask(
  url: string,
  options: { method?: string; headers?: Readonly<Record<string, string>>; body?: string } = {},
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const sent = request(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
