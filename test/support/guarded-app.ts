import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type GuardOptions,
  lastcallOf,
  refuseStale,
  requireFence,
  requireLock,
} from '@lastcall/client/express';
import express, { type Express, type Request, type Response } from 'express';
import type { GuardedTable } from './guarded-table.js';
import { Gate } from './sdk.js';

const resourceOf = (req: Request): string => `invoices/${String(req.params['id'])}`;
const idOf = (req: Request): string => String(req.params['id']);

/** Who is signed in says the address here; an application has its own sign-in. */
export const signedIn = (req: Request): string | undefined =>
  typeof req.query['as'] === 'string' ? req.query['as'] : undefined;

/** Writes what says by which grant it was written. */
export const bodyOf = (fence: number): string => `written under ${fence}`;

/** An application's back end with one table, and three ways to write to it. */
export class GuardedApp {
  readonly url: string;
  readonly #server: Server;
  readonly #arrived = new Set<string>();
  readonly #gates = new Map<string, Gate<void>>();

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(table: GuardedTable, broker: Omit<GuardOptions<Request>, 'user'>): Promise<GuardedApp> {
    const app = express();
    const server = createServer(app);
    // A client that was frozen must not find its connection closed.
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const guarded = new GuardedApp(server);
    guarded.#routes(app, table, { ...broker, user: signedIn });
    return guarded;
  }

  /** A write of this row has passed the broker's check, and is not in the table yet. */
  isUnderWay(id: string): boolean {
    return this.#arrived.has(id);
  }

  /** Lets a write that is under way go on. */
  goOn(id: string): void {
    this.#gate(id).open();
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  #routes(app: Express, table: GuardedTable, broker: GuardOptions<Request>): void {
    const lock = requireLock({ ...broker, resource: resourceOf });
    const save = async (req: Request, res: Response): Promise<void> => {
      const { fence = 0 } = lastcallOf(res);
      if (await table.write(idOf(req), bodyOf(fence), fence)) res.json({ saved: true });
      else refuseStale(res);
    };
    app.post('/invoices/:id', lock, async (req, res) => {
      const row = await table.claim(idOf(req), lastcallOf(res).fence ?? 0);
      if (row) res.json(row);
      else refuseStale(res);
    });
    app.put('/invoices/:id', lock, save);
    app.put('/fenced/:id', requireFence(), save);
    app.put('/slow/:id', lock, async (req, res) => {
      this.#arrived.add(idOf(req));
      await this.#gate(idOf(req)).opened;
      await save(req, res);
    });
    app.put('/blind/:id', async (req, res) => {
      await table.writeBlindly(idOf(req), 'written blindly');
      res.json({ saved: true });
    });
  }

  #gate(id: string): Gate<void> {
    const gate = this.#gates.get(id) ?? new Gate<void>();
    this.#gates.set(id, gate);
    return gate;
  }
}
