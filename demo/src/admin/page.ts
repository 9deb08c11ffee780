import type { Maintenance, MaintenanceRequest, Order, OrderRequest } from '@lastcall/shared';
import { el, fill, say } from '../dom.js';
import { seat } from '../seat.js';
import { toast } from '../toast.js';
import { AdminApi } from './api.js';
import { Compose } from './compose.js';
import { IdleCard } from './idle.js';
import { LockTable } from './locks.js';
import { MaintenanceCard } from './maintenance.js';
import { OrderCard } from './order.js';
import { SessionTable } from './sessions.js';

const POLL_MS = 500;
/** Whether this page has planned a window that it has not lifted: there is no asking for one that is not there. */
const PLANNED = 'lastcall-demo:planned';

function card(label: string, ...children: readonly HTMLElement[]): HTMLElement {
  return el('section', { class: 'card', 'aria-label': label }, el('h2', {}, label), ...children);
}

/** The administrator's page: who is there, who edits what, warn, log off, close, and the proof that they are gone. */
export class AdminPage {
  readonly element: HTMLElement;
  readonly #api = new AdminApi();
  readonly #numbers = el('ul', { class: 'numbers', 'aria-label': 'In numbers' });
  readonly #compose = new Compose((action) => {
    this.#give(this.#compose.request(action, { all: true }));
  });
  readonly #sessions = new SessionTable({
    warn: ({ id }) => {
      this.#give(this.#compose.request('warn', { sessions: [id] }));
    },
    logOff: ({ id }) => {
      this.#give(this.#compose.request('logoff', { sessions: [id] }));
    },
  });
  readonly #locks = new LockTable((resource) => {
    void this.#do(() => this.#api.breakLock(resource, 'The administrator needs it.'));
  });
  readonly #maintenance = new MaintenanceCard({
    plan: (request) => {
      this.#plan(request);
    },
    lift: () => {
      this.#lift();
    },
  });
  readonly #idle = new IdleCard((changes) => {
    void this.#do(async () => this.#api.setPolicy(await this.#api.policy(), changes));
  });
  readonly #order = new OrderCard(() => {
    const { id } = this.#given ?? {};
    if (id !== undefined) void this.#do(() => this.#api.cancel(id));
  });
  readonly #trouble = el('p', { class: 'trouble', role: 'status' });
  #given: Order | undefined;
  /** When the order's deadline is, on this page's monotonic clock. */
  #deadline = 0;
  /** Every look that is under way. */
  #looking = Promise.resolve();

  constructor() {
    this.element = el(
      'main',
      { class: 'admin' },
      el('div', { class: 'admin-head' }, el('h1', {}, 'Who is working now'), this.#numbers),
      this.#trouble,
      card('Sessions', this.#sessions.element),
      card('Being edited', this.#locks.element),
      this.#order.element,
      this.#compose.element,
      el('div', { class: 'pair' }, this.#maintenance.element, this.#idle.element),
    );
  }

  /** Looks twice a second until the administrator signs out. */
  async run(signal: AbortSignal): Promise<void> {
    void this.#do(async () => {
      this.#idle.show(await this.#api.policy());
    });
    while (!signal.aborted) {
      await this.#look();
      await new Promise((resolve) => {
        setTimeout(resolve, POLL_MS);
      });
    }
  }

  #look(): Promise<void> {
    const look = this.#lookOnce();
    this.#looking = Promise.all([this.#looking, look]).then(() => undefined);
    return look;
  }

  async #lookOnce(): Promise<void> {
    try {
      const [sessions, locks] = await Promise.all([
        this.#api.sessions(),
        this.#api.locks(),
        this.#followWindow(),
      ]);
      const unsaved = sessions.filter(({ dirty }) => dirty).length;
      fill(
        this.#numbers,
        el('li', {}, el('strong', {}, String(sessions.length)), ' at work'),
        el('li', {}, el('strong', {}, String(locks.length)), ' being edited'),
        el('li', {}, el('strong', {}, String(unsaved)), ' with unsaved work'),
      );
      this.#sessions.show(sessions);
      this.#locks.show(locks);
      await this.#follow();
      say(this.#trouble, '');
    } catch (error) {
      say(this.#trouble, `${messageOf(error)} Trying again …`);
    }
  }

  async #followWindow(): Promise<void> {
    const planned = seat.getItem(PLANNED) !== null;
    const window = planned ? await this.#api.maintenance().catch(() => undefined) : undefined;
    // It was lifted elsewhere.
    if (planned && !window) seat.removeItem(PLANNED);
    this.#maintenance.show(window);
    await this.#followOrderOf(window);
  }

  /** A window logs people off by an order of its own. */
  async #followOrderOf(window: Maintenance | undefined): Promise<void> {
    if (window?.orderId === undefined || window.orderId === this.#given?.id) return;
    this.#take(await this.#api.order(window.orderId));
  }

  async #follow(): Promise<void> {
    const given = this.#given;
    if (!given) return;
    const [order, receipts] = await Promise.all([this.#api.order(given.id), this.#api.receipts(given.id)]);
    if (this.#given?.id !== given.id) return;
    this.#given = order;
    this.#order.show(order, receipts, this.#deadline - performance.now());
  }

  #take(order: Order): void {
    this.#given = order;
    this.#deadline = performance.now() + order.deadlineAt - order.createdAt;
  }

  #give(request: OrderRequest): void {
    void this.#do(async () => {
      this.#take(await this.#api.give(request));
    });
  }

  #plan(request: MaintenanceRequest): void {
    void this.#do(async () => {
      await this.#api.plan(request);
      seat.setItem(PLANNED, 'yes');
    });
  }

  #lift(): void {
    void this.#do(async () => {
      seat.removeItem(PLANNED);
      // A look that is under way asks for the window still.
      await this.#looking;
      try {
        await this.#api.lift();
      } catch (error) {
        seat.setItem(PLANNED, 'yes');
        throw error;
      }
    });
  }

  async #do(act: () => Promise<void>): Promise<void> {
    try {
      await act();
      await this.#look();
    } catch (error) {
      toast(messageOf(error));
    }
  }
}

function messageOf(error: unknown): string {
  // What `fetch` itself throws is no sentence for people.
  if (error instanceof TypeError || error instanceof DOMException) return 'The broker cannot be reached.';
  return error instanceof Error ? error.message : 'Something went wrong.';
}
