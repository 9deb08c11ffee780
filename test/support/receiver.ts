import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditRecord, AuditType } from '@lastcall/shared';
import { Webhook } from 'standardwebhooks';
import { waitUntil } from './wait.js';

export const freshWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;

/** What a webhook says. */
export interface Message {
  readonly type: AuditType;
  readonly timestamp: string;
  readonly data: Omit<AuditRecord, 'type'> & { readonly tenant: string } & Readonly<Record<string, unknown>>;
}

/** One request that came in, verified by the public library. */
export interface Delivery {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly message: Message;
}

/** How the endpoint answers: with a status, not at all, or by hanging up. */
export type Behaviour = number | 'silence' | 'hang up';

/** An application's back end that is told by webhooks, and can fail in every way. */
export class Receiver {
  readonly secret: string;
  /** Every request, also those that were answered with a failure. */
  readonly attempts: Delivery[] = [];
  /** Those that were answered with success. */
  readonly taken: Delivery[] = [];
  /** Requests whose signature was wrong. */
  forged = 0;
  behaviour: Behaviour = 200;
  /** How long it thinks before it answers, in milliseconds. */
  slownessMs = 0;
  /** Headers of its answers. */
  headers: Readonly<Record<string, string>> = {};
  /** Most requests of one tenant that were under way at once. */
  mostAtOnce = 0;
  readonly #underWay = new Map<string, number>();
  readonly #webhook: Webhook;
  #server: Server | undefined;
  #port = 0;

  constructor(secret = freshWebhookSecret()) {
    this.secret = secret;
    this.#webhook = new Webhook(secret);
  }

  static async start(secret?: string): Promise<Receiver> {
    const receiver = new Receiver(secret);
    await receiver.open();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hooks`;
  }

  /** The settings of a broker that tells this receiver. */
  get env(): Readonly<Record<string, string>> {
    return { WEBHOOK_URL: this.url, WEBHOOK_SECRET: this.secret };
  }

  /** Listens, again on the same port after a `close`. */
  async open(): Promise<void> {
    const server = createServer((req, res) => void this.#receive(req, res));
    await new Promise<void>((resolve) => {
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Refuses connections from now on. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  /** What was taken of a tenant, each event once, in the order of the first arrivals. */
  events(tenant: string): readonly Delivery[] {
    const seen = new Set<string>();
    return this.taken.filter(({ id, message }) => {
      const isNew = message.data.tenant === tenant && !seen.has(id);
      seen.add(id);
      return isNew;
    });
  }

  ofType(tenant: string, type: AuditType): readonly Delivery[] {
    return this.events(tenant).filter(({ message }) => message.type === type);
  }

  /** Waits until so many events of a tenant were taken. */
  async took(tenant: string, count: number, withinMs = 5_000): Promise<readonly Delivery[]> {
    const enough = () => this.events(tenant).length >= count;
    await waitUntil(enough, `${count} webhooks`, withinMs).catch((error: unknown) => {
      throw new Error(`${String(error)}; there are ${this.events(tenant).length}`);
    });
    return this.events(tenant);
  }

  async #receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const delivery = await this.#read(req).catch(() => undefined);
    if (!delivery) {
      this.forged += 1;
      res.writeHead(401).end();
      return;
    }
    const { tenant } = delivery.message.data;
    const atOnce = (this.#underWay.get(tenant) ?? 0) + 1;
    this.#underWay.set(tenant, atOnce);
    this.mostAtOnce = Math.max(this.mostAtOnce, atOnce);
    this.attempts.push(delivery);
    if (this.slownessMs > 0) await delay(this.slownessMs);
    this.#underWay.set(tenant, (this.#underWay.get(tenant) ?? 1) - 1);
    this.#answer(res, delivery);
  }

  #answer(res: ServerResponse, delivery: Delivery): void {
    const { behaviour } = this;
    if (behaviour === 'silence') return;
    if (behaviour === 'hang up') {
      res.destroy();
      return;
    }
    if (behaviour >= 200 && behaviour < 300) this.taken.push(delivery);
    res.writeHead(behaviour, this.headers).end('thanks');
  }

  async #read(req: IncomingMessage): Promise<Delivery> {
    const pieces: Buffer[] = [];
    for await (const piece of req) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces).toString();
    const headers = Object.fromEntries(
      Object.entries(req.headers).map(([name, value]) => [name, String(value)]),
    );
    const message = this.#webhook.verify(body, headers) as Message;
    return { id: headers['webhook-id'] ?? '', headers, body, message };
  }
}

/** Places of events on their tenant's stream, for comparing their order. */
export function placesOf(deliveries: readonly Delivery[]): readonly number[] {
  return deliveries.map(({ message }) => message.data.epoch * 1_000 + message.data.rev);
}
